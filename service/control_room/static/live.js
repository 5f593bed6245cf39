// Keeps a page live: on every change it asks for itself again and puts the new parts in their places.
// Rows do not jump under a pointer or a keyboard: new ones wait until they are asked for.

const force = document.body.dataset.force;
const pace = document.body.dataset.pace; // "calm": figures of days and weeks; "still": as they were opened
const live = document.getElementById("live");
const GATHER_MS = 100;
const PERIOD_MS = 500;
const QUIET_MS = 3000;
const RENEW_MS = 15000;
let liveAt = null;
let waiting = null;
let busy = false;
let begun = 0;
let again = false;

function clock(at) {
  return at.toLocaleTimeString("en-GB");
}

function isLive() {
  liveAt = new Date();
  document.body.classList.remove("stale");
  live.textContent = `LIVE, updated ${clock(liveAt)}`;
}

function isNot() {
  document.body.classList.add("stale");
  live.textContent = liveAt ? `NOT LIVE SINCE ${clock(liveAt)}` : "NOT LIVE";
}

function inUse(part) {
  const at = document.activeElement;
  return part.matches(":hover") || (at !== document.body && part.contains(at));
}

function rowsOf(part) {
  return part.querySelector("[data-rows]");
}

// Rows that are there are renewed in place, rows that are gone are marked, new ones are counted.
function renewQuietly(old, fresh) {
  const have = new Map([...rowsOf(old).children].map((row) => [row.dataset.key, row]));
  let unseen = 0;
  for (const row of rowsOf(fresh).children) {
    const held = have.get(row.dataset.key);
    if (held === undefined) {
      unseen += 1;
    } else if (!held.contains(document.activeElement) && held.innerHTML !== row.innerHTML) {
      const checked = held.querySelector("input[type=checkbox]")?.checked;
      held.innerHTML = row.innerHTML;
      const box = held.querySelector("input[type=checkbox]");
      if (box && checked) box.checked = true;
    }
  }
  offer(old, fresh, unseen);
}

function offer(old, fresh, unseen) {
  let button = old.querySelector(".more-new");
  if (unseen === 0) {
    button?.remove();
    return;
  }
  if (!button) {
    button = document.createElement("button");
    button.type = "button";
    button.className = "more-new";
    rowsOf(old).closest("table").before(button);
  }
  button.textContent = `${unseen} new`;
  button.onclick = () => old.replaceWith(fresh);
}

function put(page) {
  for (const old of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(old.id);
    if (!fresh || fresh.outerHTML === old.outerHTML) continue;
    if (rowsOf(old) && rowsOf(fresh) && inUse(old)) renewQuietly(old, fresh);
    else if (old.matches(":hover, :focus-within") && old.querySelector("form, details[open]")) continue;
    else old.replaceWith(fresh);
  }
  document.dispatchEvent(new Event("renewed"));
}

async function renew() {
  waiting = null;
  if (document.hidden) return;
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  begun = Date.now();
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    put(new DOMParser().parseFromString(await answer.text(), "text/html"));
    if (stream.readyState === EventSource.OPEN) isLive();
  } catch {
    isNot();
  } finally {
    busy = false;
    if (again) {
      again = false;
      soon();
    }
  }
}

function within(ms) {
  const at = Date.now() + ms;
  if (waiting !== null && waiting.at <= at) return;
  if (waiting !== null) clearTimeout(waiting.timer);
  waiting = { at, timer: setTimeout(renew, ms) };
}

// The first change is shown at once, those that follow together: twice a second is as often as anybody reads.
function soon() {
  const pause = Math.max(GATHER_MS, begun + PERIOD_MS - Date.now());
  within(pace === "calm" ? RENEW_MS : pause);
}

// What was said is shown at once; a lane that only moved on may wait a little.
function told(event) {
  if (watched) return; // the page itself follows
  const { events } = JSON.parse(event.data);
  if (events.some((each) => !each.force || each.force === force)) soon();
  else within(QUIET_MS);
}

// What hundreds watch is not asked for: it comes with what was said.
function shown(event) {
  put(new DOMParser().parseFromString(event.data, "text/html"));
  isLive();
}

const watched = ["/board", "/wall"].includes(location.pathname);
let stream = null;

function begin() {
  const show = `?show=${location.pathname}&force=${encodeURIComponent(force)}`;
  stream = new EventSource(`/v1/stream${watched ? show : ""}`);
  stream.addEventListener("page", shown);
  stream.addEventListener("open", () => {
    isLive();
    within(GATHER_MS);
  });
  stream.addEventListener("frame", told);
  stream.addEventListener("resync", soon);
  stream.addEventListener("error", isNot);
  setInterval(soon, RENEW_MS);
  document.addEventListener("visibilitychange", soon);
}

if (pace !== "still") begin();
