"use strict";
(() => {
  const review = document.body.dataset.review, pair = document.body.dataset.pair === "yes";
  const items = [...document.querySelectorAll(".item")], store = "helpers-review-" + review;
  const byId = (id) => document.getElementById(id);
  const QUESTIONS = ["usable", "faithful", "complete"];
  let state = { reader: { id: crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2), name: "" }, at: 0, ratings: {} };

  const blank = (item) => ({
    id: item.dataset.id,
    sides: [...item.querySelectorAll(".side")].map(() => ({ usable: null, faithful: null, complete: null, kinds: [], marks: [] })),
    better: null,
    note: "",
  });
  const ratingOf = (item) => (state.ratings[item.dataset.id] ??= blank(item));
  const isDone = (item) => {
    const rating = state.ratings[item.dataset.id];
    return !!rating && rating.sides.every((side) => QUESTIONS.every((q) => side[q] !== null)) && (!pair || rating.better !== null);
  };

  function keep() {
    try { localStorage.setItem(store, JSON.stringify(state)); } catch { /* what is not kept can still be saved */ }
    tell();
  }
  function tell() {
    const done = items.filter(isDone).length;
    items.forEach((item) => item.classList.toggle("done", isDone(item)));
    byId("progress").textContent = done === items.length ? `All ${done} are rated: save them` : `${done} of ${items.length} rated`;
  }
  function read(item) {
    const rating = ratingOf(item);
    item.querySelectorAll(".side").forEach((section, place) => {
      const side = rating.sides[place];
      for (const name of QUESTIONS) {
        const chosen = section.querySelector(`[data-field=${name}] input:checked`);
        side[name] = chosen ? chosen.value === "yes" : null;
      }
      side.kinds = [...section.querySelectorAll("[data-field=kinds] input:checked")].map((box) => box.value);
      const words = [...section.querySelectorAll(".words button")];
      if (words.length) side.marks = words.flatMap((word, at) => (word.getAttribute("aria-pressed") === "true" ? [at] : []));
    });
    const better = item.querySelector("[data-field=better] input:checked");
    rating.better = better ? better.value : null;
    rating.note = item.querySelector(".remark").value;
    keep();
  }
  function fill(item) {
    const rating = state.ratings[item.dataset.id] ?? blank(item);
    item.querySelectorAll(".side").forEach((section, place) => {
      const side = rating.sides[place];
      for (const name of QUESTIONS)
        section.querySelectorAll(`[data-field=${name}] input`).forEach((box) => { box.checked = side[name] !== null && (box.value === "yes") === side[name]; });
      section.querySelectorAll("[data-field=kinds] input").forEach((box) => { box.checked = side.kinds.includes(box.value); });
      mark(section, side.marks);
    });
    item.querySelectorAll("[data-field=better] input").forEach((box) => { box.checked = box.value === rating.better; });
    item.querySelector(".remark").value = rating.note;
  }
  // the words of a summary become buttons when it is shown: one stop of the Tab key, arrows within
  function mark(section, marks) {
    section.querySelector(".words")?.remove();
    const text = section.querySelector(".summary"), group = document.createElement("span");
    group.className = "words";
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", "Mark the words that are wrong");
    text.textContent.split(/\s+/).filter(Boolean).forEach((word, at) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = word;
      button.tabIndex = at ? -1 : 0;
      button.setAttribute("aria-pressed", String(marks.includes(at)));
      group.append(button, " ");
    });
    text.hidden = true;
    text.after(group);
  }
  function show(at, focus) {
    state.at = Math.max(0, Math.min(items.length - 1, at));
    items.forEach((item, place) => { item.hidden = place !== state.at; });
    fill(items[state.at]);
    byId("previous").disabled = state.at === 0;
    byId("next").disabled = state.at === items.length - 1;
    keep();
    if (focus) { scrollTo(0, 0); items[state.at].querySelector("h2").focus(); }
  }
  function nextOpen() {
    const order = items.map((_, step) => (state.at + 1 + step) % items.length), found = order.find((at) => !isDone(items[at]));
    if (found === undefined) byId("save").focus(); else show(found, true);
  }
  async function save() {
    const ratings = items.filter((item) => state.ratings[item.dataset.id]).map((item) => state.ratings[item.dataset.id]);
    const content = JSON.stringify([review, state.reader, ratings]);
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(content));
    const seal = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const file = { format: "helpers-ratings", version: 1, review, reader: state.reader, ratings, seal };
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(file, null, 1)], { type: "application/json" }));
    link.download = `ratings-${review}-${state.reader.id.slice(0, 8)}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
  async function load(file) {
    let found;
    try { found = JSON.parse(await file.text()); } catch { found = null; }
    if (!found || found.review !== review || !Array.isArray(found.ratings)) {
      byId("progress").textContent = "That file holds no ratings of this review";
      return;
    }
    state = { reader: found.reader, at: 0, ratings: Object.fromEntries(found.ratings.map((rating) => [rating.id, rating])) };
    byId("name").value = state.reader.name;
    const open = items.findIndex((item) => !isDone(item));
    show(open < 0 ? 0 : open, true);
  }
  function choose(selector) {
    const item = items[state.at], within = document.activeElement.closest?.(".side") ?? item;
    const box = within.querySelector(selector) ?? item.querySelector(selector);
    if (box) { box.checked = true; box.focus(); read(item); }
  }

  try {
    const kept = JSON.parse(localStorage.getItem(store));
    if (kept && kept.ratings) state = kept;
  } catch { /* a fresh start */ }
  const KEYS = { n: () => show(state.at + 1, true), p: () => show(state.at - 1, true), o: nextOpen };
  QUESTIONS.forEach((name, at) => {
    KEYS[2 * at + 1] = () => choose(`[data-field=${name}] input[value=yes]`);
    KEYS[2 * at + 2] = () => choose(`[data-field=${name}] input[value=no]`);
  });
  if (pair) Object.assign(KEYS, { l: () => choose("[data-field=better] input[value=left]"), r: () => choose("[data-field=better] input[value=right]"), e: () => choose("[data-field=better] input[value=neither]") });
  document.addEventListener("keydown", (event) => {
    const at = event.target.closest?.(".words button");
    if (at && ["ArrowRight", "ArrowLeft"].includes(event.key)) {
      const to = event.key === "ArrowRight" ? at.nextElementSibling : at.previousElementSibling;
      if (to) { at.tabIndex = -1; to.tabIndex = 0; to.focus(); }
      event.preventDefault();
      return;
    }
    if (!byId("keys").checked || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("textarea, #name, input[type=file]")) return;
    const act = KEYS[event.key.toLowerCase()];
    if (act) { event.preventDefault(); act(); }
  });
  document.addEventListener("click", (event) => {
    const word = event.target.closest(".words button");
    if (!word) return;
    word.setAttribute("aria-pressed", String(word.getAttribute("aria-pressed") !== "true"));
    read(items[state.at]);
  });
  byId("main").addEventListener("input", () => read(items[state.at]));
  byId("name").value = state.reader.name;
  byId("name").addEventListener("input", (event) => { state.reader.name = event.target.value; keep(); });
  byId("previous").addEventListener("click", () => show(state.at - 1, true));
  byId("next").addEventListener("click", () => show(state.at + 1, true));
  byId("open").addEventListener("click", nextOpen);
  byId("save").addEventListener("click", save);
  byId("load").addEventListener("change", (event) => { if (event.target.files[0]) load(event.target.files[0]); });
  document.querySelector(".bar").hidden = false;
  show(state.at, false);
})();
