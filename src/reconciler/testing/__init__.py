"""For tests: small fakes of the ports, and the contract suites that every implementation passes."""
