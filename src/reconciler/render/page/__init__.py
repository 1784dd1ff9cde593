"""The parts of the HTML report: markup, sections, the graph, and the files that are put into the page."""
