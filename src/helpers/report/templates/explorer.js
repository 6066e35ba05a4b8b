"use strict";
(() => {
  const form = document.querySelector(".choices"), list = document.querySelector(".list"), items = [...list.children];
  const fields = [...form.querySelectorAll("select, [type=search]")];
  let texts = new Map();

  // base 85: five signs are four bytes
  const SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%.()*+-;:=/?@^_`{|}~";
  function bytesOf(text, length) {
    const bytes = new DataView(new ArrayBuffer((text.length / 5) * 4)), worth = new Map([...SIGNS].map((sign, at) => [sign, at]));
    for (let at = 0; at < text.length; at += 5) {
      let value = 0;
      for (const sign of text.slice(at, at + 5)) value = value * 85 + worth.get(sign);
      bytes.setUint32((at / 5) * 4, value);
    }
    return bytes.buffer.slice(0, length);
  }
  // what did not fit as text: a JSON array of the rest of the last entries, deflated
  async function unpack() {
    const packed = document.querySelector("template");
    if (!packed) return;
    const bytes = bytesOf(packed.content.textContent, Number(packed.dataset.bytes));
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const rests = JSON.parse(await new Response(plain).text());
    list.querySelectorAll("article:not([style])").forEach((item, at) => {
      const [ranks, about, rest] = rests[at];
      item.style.cssText = ranks;
      item.querySelector("h2").insertAdjacentHTML("afterend", about);
      item.insertAdjacentHTML("beforeend", rest);
    });
    texts = new Map();
  }
  const textOf = (item) => {
    if (!texts.has(item)) {
      const bare = item.cloneNode(true);
      bare.querySelectorAll("sup").forEach((name) => name.remove()); // a name of a check parts no words
      texts.set(item, bare.textContent.toLowerCase());
    }
    return texts.get(item);
  };
  // the style sheet sorts and filters; the order of the document follows, for the keyboard and for what reads aloud
  function sort() {
    const by = form.elements.sort.value, rank = (item) => Number(item.style.getPropertyValue(`--${by}`));
    list.append(...(by ? [...items].sort((a, b) => rank(a) - rank(b)) : items));
  }
  function show() {
    const wanted = form.elements.search.value.trim().toLowerCase();
    for (const item of items) item.hidden = wanted !== "" && !textOf(item).includes(wanted);
    const shown = items.filter((item) => item.checkVisibility()).length;
    form.elements.count.value = `${shown.toLocaleString("en")} of ${items.length.toLocaleString("en")} shown`;
  }
  const label = (field) => (field.selectedOptions ? field.selectedOptions[0].text : field.value);
  function keep() {
    const chosen = new URLSearchParams(fields.filter((field) => field.value).map((field) => [field.name, label(field)]));
    history.replaceState(null, "", `#${chosen}`);
  }
  function follow() {
    const address = location.hash.slice(1), item = document.getElementById(address);
    if (items.includes(item)) {
      if (!item.checkVisibility()) for (const field of fields) field.value = "";
      sort();
      show();
      item.scrollIntoView({ behavior: "instant" });
      return;
    }
    const chosen = new URLSearchParams(address);
    for (const field of address.includes("=") ? fields : []) {
      const wanted = chosen.get(field.name) ?? "";
      const option = field.options && [...field.options].find((one) => one.text === wanted);
      field.value = option ? option.value : field.options ? "" : wanted;
    }
    sort();
    show();
  }

  for (const item of items) {
    const name = item.querySelector("h2"), link = document.createElement("a");
    link.href = `#${item.id}`;
    link.append(...name.childNodes);
    name.append(link);
  }
  form.elements.search.closest("label").hidden = false;
  form.elements.count.setAttribute("aria-live", "polite");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    if (event.target.name === "sort") sort();
    show();
    keep();
  });
  form.addEventListener("reset", () => setTimeout(() => { sort(); show(); keep(); }));
  addEventListener("hashchange", follow);
  follow();
  unpack().then(follow, () => {});
})();
