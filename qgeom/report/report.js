"use strict";
// The index: sorting and filtering of the table of runs. Everywhere: what is folded is printed unfolded.
// No text of a page is ever read as markup here: cells are compared and hidden, never written.
document.addEventListener("DOMContentLoaded", function () {
  let opened = [];
  window.addEventListener("beforeprint", function () {
    opened = Array.from(document.querySelectorAll("details:not([open])"));
    opened.forEach(function (one) { one.open = true; });
  });
  window.addEventListener("afterprint", function () { opened.forEach(function (one) { one.open = false; }); });

  const table = document.getElementById("runs"), controls = document.getElementById("controls");
  if (!table || !controls) return;
  const get = function (id) { return document.getElementById(id); };
  const body = table.tBodies[0], rows = Array.from(body.rows), heads = Array.from(table.tHead.rows[0].cells);
  const texts = rows.map(function (row) { return row.textContent.toLowerCase(); });
  const state = { search: "", experiment: "", outcome: "", sort: "", down: false };
  const compare = new Intl.Collator("en", { numeric: true }).compare;

  function value(row, column) {
    const text = row.cells[column].dataset.value || "";
    return text !== "" && isFinite(text) ? Number(text) : text;
  }
  function order(a, b) {
    return typeof a === "number" && typeof b === "number" ? a - b : compare(String(a), String(b));
  }
  function sorted() {
    const column = heads.findIndex(function (head) { return head.dataset.key === state.sort; });
    const places = rows.map(function (row, k) { return k; });
    if (column >= 0) {
      places.sort(function (i, j) {
        const by = order(value(rows[i], column), value(rows[j], column));
        return (state.down ? -by : by) || i - j;
      });
    }
    return places.map(function (k) { return rows[k]; });
  }
  function show() {
    const words = state.search.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    rows.forEach(function (row, k) {
      const fits = words.every(function (word) { return texts[k].includes(word); })
        && (!state.experiment || row.dataset.experiment === state.experiment)
        && (!state.outcome || row.dataset.outcomes.split(" ").includes(state.outcome));
      row.hidden = !fits;
      n += fits ? 1 : 0;
    });
    sorted().forEach(function (row) { body.append(row); });
    heads.forEach(function (head) {
      if (head.dataset.key === state.sort) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    get("shown").textContent = n === rows.length ? "" : n + " of " + rows.length + " runs shown";
    ["search", "experiment", "outcome", "sort"].forEach(function (key) { get(key).value = state[key]; });
  }
  // The choice stands in the address, so that a link or a step back shows the same.
  function keep() {
    const said = new URLSearchParams();
    Object.keys(state).forEach(function (key) { if (state[key]) said.set(key, String(state[key])); });
    try { history.replaceState(null, "", "#" + said.toString()); } catch (error) { /* some browsers forbid it for files */ }
  }
  function read() {
    const said = new URLSearchParams(location.hash.slice(1));
    Object.keys(state).forEach(function (key) { state[key] = said.get(key) || ""; });
    state.down = said.get("down") === "true";
    ["experiment", "outcome", "sort"].forEach(function (key) {
      if (!Array.from(get(key).options).some(function (one) { return one.value === state[key]; })) state[key] = "";
    });
    show();
  }
  function sortBy(key, down) { state.sort = key; state.down = down; show(); keep(); }

  heads.filter(function (head) { return head.dataset.sort; }).forEach(function (head) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", function () {
      sortBy(head.dataset.key, state.sort === head.dataset.key && !state.down);
    });
    head.replaceChildren(button);
  });
  ["search", "experiment", "outcome"].forEach(function (key) {
    get(key).addEventListener("input", function (event) { state[key] = event.target.value; show(); keep(); });
  });
  get("sort").addEventListener("input", function (event) { sortBy(event.target.value, false); });
  controls.addEventListener("submit", function (event) { event.preventDefault(); });
  window.addEventListener("hashchange", read);
  controls.hidden = false;
  read();
});
