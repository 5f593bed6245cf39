// The keyboard: j k move, enter opens, a acknowledges, c decides, h asks for a delay, / finds, ? helps.

let here = null;

function rows() {
  return [...document.querySelectorAll("tr[data-key]")];
}

function mark() {
  const found = rows().find((row) => row.dataset.key === here);
  for (const row of rows()) row.classList.toggle("here", row === found);
  return found ?? null;
}

function move(by) {
  const all = rows();
  if (all.length === 0) return;
  const at = all.findIndex((row) => row.dataset.key === here);
  const next = all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + by))];
  here = next.dataset.key;
  mark();
  next.querySelector("a")?.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function open(action) {
  const row = mark();
  if (row) location.href = row.dataset.href + (action ? `#${action}` : "");
}

// On a report the form is on the page; in a list the row's report is opened at it.
function act(action) {
  const form = document.getElementById(action);
  if (form === null) {
    open(action);
    return;
  }
  unfold(form);
}

function unfold(form) {
  if (form.tagName === "DETAILS") {
    form.open = true;
    form.querySelector("input, select, textarea, button")?.focus();
  } else {
    form.requestSubmit?.();
  }
}

function acknowledge() {
  const form = document.getElementById("acknowledge");
  if (form) {
    form.requestSubmit();
    return;
  }
  const bulk = document.getElementById("bulk");
  const row = mark();
  if (!bulk || !row) return;
  const box = row.querySelector("input[type=checkbox]");
  if (box) box.checked = true;
  bulk.requestSubmit();
}

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  a: acknowledge,
  c: () => act("decide"),
  h: () => act("hold"),
  "/": () => (document.getElementById("find") ?? { focus: () => (location.href = "/worklist") }).focus(),
  "?": () => document.getElementById("help").classList.toggle("open"),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const does = KEYS[event.key];
  if (does) {
    event.preventDefault();
    does();
  }
});

document.addEventListener("focusin", (event) => {
  const row = event.target.closest("tr[data-key]");
  if (row) {
    here = row.dataset.key;
    mark();
  }
});
document.addEventListener("renewed", mark);

const wanted = location.hash.slice(1);
if (wanted === "decide" || wanted === "hold") {
  const form = document.getElementById(wanted);
  if (form) unfold(form);
}
document.querySelector(".problem")?.focus();
