// Sorting, filtering and lighting up: everything the page says is there without this.
"use strict";
(() => {
  const NONE = "–";
  const NUMBER = /^[+-]?\d[\d,]*(?:\.\d+)?/;

  const compared = (a, b) => {
    if ((a === NONE) !== (b === NONE)) return a === NONE ? 1 : -1;
    const [x, y] = [a, b].map((text) => NUMBER.exec(text));
    const gap = x && y ? Number(x[0].replaceAll(",", "")) - Number(y[0].replaceAll(",", "")) : 0;
    return gap || a.localeCompare(b, "en", { numeric: true });
  };

  // A heading sorts upwards, then downwards, then puts the rows back as they were.
  const sortable = (table, rows) => {
    const body = table.tBodies[0];
    const places = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const before = head.getAttribute("aria-sort");
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        const text = (row) => row.cells[column].textContent.trim();
        const way = { none: 1, ascending: -1 }[before ?? "none"];
        const order = [...rows];
        if (way) {
          head.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
          order.sort((a, b) => (text(a) === NONE || text(b) === NONE ? 1 : way) * compared(text(a), text(b)));
        }
        const next = order.values();
        body.append(...places.map((row) => (rows.includes(row) ? next.next().value : row)));
      });
    });
  };

  const filterable = (table, rows) => {
    const tool = document.createElement("p");
    const label = document.createElement("label");
    const input = document.createElement("input");
    const count = document.createElement("output");
    tool.className = "tool";
    input.type = "search";
    label.append("Show rows with ", input);
    tool.append(label, " ", count);
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/);
      let shown = 0;
      rows.forEach((row) => {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      });
      count.textContent = input.value ? `${shown} of ${rows.length}` : "";
    });
    table.parentElement.before(tool);
  };

  document.querySelectorAll(".scroll > table").forEach((table) => {
    const rows = [...table.tBodies[0].rows].filter((row) => !row.classList.contains("again"));
    if (!table.tHead || rows.length < 3 || table.querySelector(".sum")) return;
    sortable(table, rows);
    if (rows.length >= 12) filterable(table, rows);
  });

  // Whoever is pointed at, in a table, a legend or a picture, stands out in every picture.
  const whose = (node) => {
    const drawn = node.closest(".k");
    if (drawn) return drawn.classList[1];
    const mark = node.closest("tr, li")?.querySelector("svg.mark use");
    return mark ? `k${mark.getAttribute("href").slice("#mark-".length)}` : null;
  };
  let lit = null;
  const light = (event) => {
    const now = event.target instanceof Element ? whose(event.target) : null;
    if (now === lit) return;
    lit = now;
    document.body.classList.toggle("lit", now !== null);
    document.querySelectorAll(".k.on").forEach((one) => one.classList.remove("on"));
    if (now) document.querySelectorAll(`.${now}`).forEach((one) => one.classList.add("on"));
  };
  document.addEventListener("pointerover", light);
  document.addEventListener("focusin", light);
})();
