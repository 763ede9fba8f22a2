"use strict";

const root = document.body.dataset.root;
const field = document.getElementById("search");
const results = document.getElementById("results");
const most = 30;

// A page that was opened as a file may not fetch anything, but it may load a script.
function load(name) {
  return new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = root + name;
    script.onload = done;
    script.onerror = () => failed(new Error(name + " is not there"));
    document.head.append(script);
  });
}

let loading;
function index() {
  loading ??= load("search-index.js").then(() => bookIndex);
  return loading;
}

// Every word has to be somewhere in a section. Words are looked for as they are
// written, so that languages without spaces need nothing of their own.
function find(sections, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const language = document.documentElement.lang;
  const found = [];
  for (const section of sections) {
    const heading = (section.page + " " + section.heading).toLowerCase();
    const text = section.text.toLowerCase();
    if (!words.length || !words.every((word) => heading.includes(word) || text.includes(word))) continue;
    const score = (section.language === language ? 2 : 0) + (words.every((word) => heading.includes(word)) ? 1 : 0);
    found.push({ section, score });
  }
  found.sort((a, b) => b.score - a.score); // stable: otherwise in the order of the book
  return { words, sections: found.slice(0, most).map((one) => one.section) };
}

// marked returns a piece of text around the first word, with the words marked.
function marked(text, words) {
  const lower = text.toLowerCase();
  const places = words.map((word) => lower.indexOf(word)).filter((place) => place >= 0);
  const start = Math.max(0, Math.min(...places, text.length) - 40);
  const piece = places.length ? text.slice(start, start + 160) : text.slice(0, 160);
  const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const line = document.createElement("span");
  piece.split(new RegExp("(" + escaped.join("|") + ")", "i")).forEach((part, i) => {
    if (i % 2 === 0) return line.append(part);
    const mark = document.createElement("mark");
    mark.textContent = part;
    line.append(mark);
  });
  return line;
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function result(section, words) {
  const link = document.createElement("a");
  link.href = root + section.link;
  link.append(element("b", section.heading), element("small", section.page), marked(section.text, words));
  return link;
}

async function search() {
  const query = field.value.trim();
  if (!query) {
    results.hidden = true;
    return;
  }
  const { words, sections } = find(await index(), query);
  if (field.value.trim() !== query) return; // typed on meanwhile
  const lines = sections.map((section) => result(section, words));
  results.replaceChildren(...(lines.length ? lines : [element("p", document.body.dataset.nothing)]));
  results.hidden = false;
}

field.addEventListener("input", search);
field.addEventListener("focus", () => field.value && search());
results.addEventListener("click", () => { results.hidden = true; });
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") results.hidden = true;
  if (event.key === "/" && !/input|textarea/i.test(event.target.tagName)) {
    event.preventDefault();
    field.focus();
  }
});
document.addEventListener("click", (event) => {
  if (event.target !== field && !results.contains(event.target)) results.hidden = true;
});

// index.html?q=word opens with its results.
const asked = new URLSearchParams(location.search).get("q");
if (asked) {
  field.value = asked;
  search();
}

for (const heading of document.querySelectorAll("main :is(h2, h3, h4)[id]")) {
  const anchor = element("a", "#");
  anchor.className = "anchor";
  anchor.href = "#" + heading.id;
  anchor.setAttribute("aria-label", heading.textContent);
  heading.append(anchor);
}

// The diagrams are text, and drawn where the reader has put mermaid.min.js beside index.html.
const diagrams = document.querySelectorAll("pre.mermaid");
if (diagrams.length) {
  load("mermaid.min.js").then(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    mermaid.initialize({ startOnLoad: false, securityLevel: "strict", theme: dark ? "dark" : "neutral" });
    for (const diagram of diagrams) diagram.parentElement.classList.add("drawn");
    return mermaid.run({ nodes: diagrams });
  }).catch(() => {}); // it is not there: the text stays
}
