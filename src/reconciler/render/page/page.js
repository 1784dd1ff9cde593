"use strict";
(() => {
  const all = (query, within = document) => [...within.querySelectorAll(query)];
  const one = (query) => document.querySelector(query);
  const root = document.documentElement;
  const items = all(".item");
  const nodes = all(".node");
  const tiles = all("button.tile");
  const selects = all("select[data-facet]");
  const lists = all("section[data-list]");
  const search = one("#q");
  const said = one("#said");
  const texts = new Map();
  let wanted = {};

  root.classList.add("scripted");

  // Filters: an item is shown when it has every facet that is asked for, and every word of the search.
  const textOf = (element) => {
    if (!texts.has(element)) texts.set(element, element.textContent.toLowerCase());
    return texts.get(element);
  };
  const matches = (element, words) =>
    Object.entries(wanted).every(([facet, value]) => element.dataset[facet] === value) &&
    (!words.length || words.every((word) => textOf(element).includes(word)));

  const read = () => {
    wanted = {};
    for (const select of selects) if (select.value) wanted[select.dataset.facet] = select.value;
    return search.value.toLowerCase().split(/\s+/).filter(Boolean);
  };

  const apply = () => {
    if (!search) return;
    const words = read();
    const narrowed = words.length > 0 || Object.keys(wanted).length > 0;
    let shown = 0;
    for (const item of items) {
      item.hidden = narrowed && !matches(item, words);
      if (!item.hidden) shown += 1;
    }
    for (const node of nodes) node.classList.toggle("off", narrowed && !matches(node, words));
    for (const list of lists) count(list, narrowed);
    for (const tile of tiles) press(tile);
    one("#reset").hidden = !narrowed;
    said.textContent = narrowed ? `Showing ${shown} of ${items.length}.` : "";
  };

  const count = (list, narrowed) => {
    const shown = all(".item:not([hidden])", list).length;
    const words = narrowed ? `${shown} of ${list.dataset.list}` : list.dataset.list;
    for (const place of all(`#h-${list.id} .n, nav a[href="#${list.id}"] .n`)) place.textContent = words;
  };

  const press = (tile) => {
    const { in: section, facet, value } = tile.dataset;
    const query = `#${section} .item[data-${facet}="${value}"]:not([hidden])`;
    tile.firstElementChild.textContent = String(all(query).length);
    tile.setAttribute("aria-pressed", String(wanted[facet] === value));
  };

  const reset = () => {
    for (const select of selects) select.value = "";
    if (search) search.value = "";
    apply();
  };

  let waiting = 0;
  if (search) {
    search.addEventListener("input", () => {
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(apply);
    });
    for (const select of selects) select.addEventListener("change", apply);
    one("#filters").addEventListener("submit", (event) => event.preventDefault());
    one("#reset").addEventListener("click", reset);
  }
  for (const tile of tiles) {
    tile.addEventListener("click", () => {
      const select = selects.find((each) => each.dataset.facet === tile.dataset.facet);
      select.value = select.value === tile.dataset.value ? "" : tile.dataset.value;
      apply();
    });
  }

  // Light and dark: as the system wants it until somebody says otherwise.
  const remembered = (value) => {
    try {
      if (value) localStorage.setItem("reconciler-theme", value);
      return localStorage.getItem("reconciler-theme");
    } catch {
      return value;
    }
  };
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const turn = () => {
    root.dataset.theme = dark() ? "light" : "dark";
    remembered(root.dataset.theme);
    label();
  };
  const label = () => {
    one("#theme").textContent = dark() ? "Light" : "Dark";
  };
  const chosen = remembered();
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  one("#theme").addEventListener("click", turn);
  label();

  // The graph: what an object depends on, and what depends on it, stands out while it is pointed at.
  const canvas = one(".canvas");
  const light = (node) => {
    for (const lit of all(".lit", canvas)) lit.classList.remove("lit");
    canvas.classList.toggle("lit", Boolean(node));
    if (!node) return;
    const ends = new Set([node.dataset.node]);
    for (const way of all(`.ways path[data-ends~="${node.dataset.node}"]`, canvas)) {
      way.classList.add("lit");
      for (const end of way.dataset.ends.split(" ")) ends.add(end);
    }
    for (const other of nodes) if (ends.has(other.dataset.node)) other.classList.add("lit");
  };
  if (canvas) {
    for (const node of nodes) {
      const target = node.closest("a") || node;
      target.addEventListener("pointerenter", () => light(node));
      target.addEventListener("pointerleave", () => light(null));
      target.addEventListener("focus", () => light(node));
      target.addEventListener("blur", () => light(null));
    }
    const fit = one("#fit");
    fit.addEventListener("click", () => {
      fit.setAttribute("aria-pressed", String(canvas.classList.toggle("fit")));
    });
  }

  // Links within the page: what they lead to is shown and open.
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (!target) return;
    if (target.hidden) reset();
    if (target.localName === "details") target.open = true;
    target.scrollIntoView({ block: "start" });
  };
  addEventListener("hashchange", reveal);
  reveal();

  // Keys.
  const unfold = (open) => {
    for (const item of items) if (!item.hidden && item.localName === "details") item.open = open;
  };
  const step = (by) => {
    const shown = items.filter((item) => !item.hidden);
    const from = shown.findIndex((item) => item.classList.contains("at"));
    const next = shown[from < 0 ? 0 : Math.max(0, Math.min(shown.length - 1, from + by))];
    if (!next) return;
    for (const item of all(".item.at")) item.classList.remove("at");
    next.classList.add("at");
    next.scrollIntoView({ block: "nearest" });
    const head = next.firstElementChild;
    if (head.localName !== "summary") head.tabIndex = -1;
    head.focus({ preventScroll: true });
  };
  const keys = {
    "/": () => search && search.focus(),
    j: () => step(1),
    k: () => step(-1),
    e: () => unfold(true),
    c: () => unfold(false),
    t: turn,
    Escape: () => {
      reset();
      document.activeElement.blur();
    },
  };
  addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, select, textarea");
    if (event.ctrlKey || event.metaKey || event.altKey || (typing && event.key !== "Escape")) return;
    if (!Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });
  for (const [id, open] of [["#unfold", true], ["#fold", false]]) {
    if (one(id)) one(id).addEventListener("click", () => unfold(open));
  }

  // On paper everything is open.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open])");
    for (const item of closed) item.open = true;
  });
  addEventListener("afterprint", () => {
    for (const item of closed) item.open = false;
  });
})();
