// What pages do besides being read: search, theme, copying, what can be asked of the server, and being kept up to date.
// A classic script, because browsers run no modules from files; behaviour hangs on data-* attributes.
"use strict";
(() => {
  const main = () => document.getElementById("main");
  const make = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };
  const on = (event, selector, act) =>
    document.addEventListener(event, (happened) => {
      const found = happened.target.closest?.(selector);
      if (found) act(found, happened);
    });

  // What is told to who looks, also aloud.
  let hushing;
  function tell(text, tone = "") {
    const notice = document.getElementById("notice");
    if (!notice) return;
    clearTimeout(hushing);
    notice.className = `notice ${tone}`;
    notice.textContent = text;
    if (tone !== "bad") hushing = setTimeout(() => { notice.textContent = ""; }, 6000);
  }
  const wrong = (told) =>
    (told.diagnostics ?? []).map((each) => [`${each.code} ${each.message}`, each.help].filter(Boolean).join(": ")).join("; ");

  // Theme: the one of the system unless the other one was chosen.
  on("click", "[data-theme-toggle]", () => {
    const root = document.documentElement;
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const chosen = (root.dataset.theme ?? system) === "dark" ? "light" : "dark";
    if (chosen === system) delete root.dataset.theme;
    else root.dataset.theme = chosen;
    try {
      if (chosen === system) localStorage.removeItem("sqlpipe-theme");
      else localStorage.setItem("sqlpipe-theme", chosen);
    } catch { /* then it lasts until the page is left */ }
    document.dispatchEvent(new CustomEvent("sqlpipe:theme"));
  });

  // Copying
  on("click", "[data-copy]", async (button) => {
    const source = button.dataset.copy ? document.getElementById(button.dataset.copy) : button.previousElementSibling;
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      tell("Copied.");
    } catch {
      getSelection().selectAllChildren(source);
      tell("Selected: copy it with Ctrl C.");
    }
  });

  // Asking the server to do something
  async function send(path, body) {
    const answer = await fetch(path, {
      method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" },
    });
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(wrong(told) || `the server says ${answer.status}`);
    return told;
  }
  function sure(question, label) {
    const dialog = make("dialog", { "aria-label": question },
      make("p", {}, question),
      make("form", { method: "dialog", class: "acts" },
        make("button", { value: "" }, "Leave it"), make("button", { value: "yes", class: "main" }, label)));
    document.body.append(dialog);
    dialog.showModal();
    return new Promise((decided) => dialog.addEventListener("close", () => {
      dialog.remove();
      decided(dialog.returnValue === "yes");
    }));
  }
  on("click", "button[data-act]", async (button) => {
    const label = button.textContent.trim();
    if (button.dataset.sure && !(await sure(button.dataset.sure, label))) return;
    button.disabled = true;
    try {
      await send(button.dataset.act, JSON.parse(button.dataset.body || "{}"));
      tell(`${label}: done.`);
      await refresh();
    } catch (error) {
      tell(`${label}: ${error.message}`, "bad");
    }
    button.disabled = false;
  });
  on("submit", "form[data-sign-in]", async (form, happened) => {
    happened.preventDefault();
    try {
      const told = await send("/login", { token: form.elements.token.value, next: form.dataset.next ?? "/" });
      location.replace(told.next);
    } catch (error) {
      tell(`Sign in: ${error.message}`, "bad");
      form.elements.token.select();
    }
  });
  // Whoever came by a link of another site was taken for a stranger; from here the browser tells who it is.
  const door = document.querySelector("form[data-sign-in]");
  if (door) {
    fetch("/api/session").then((answer) => answer.json()).then((told) => {
      if (told.signed_in) location.replace(door.dataset.next);
    }, () => {});
  }
  on("click", "[data-sign-out]", async () => {
    await send("/logout", {}).catch(() => ({}));
    location.assign("/");
  });

  // Times: told from the clock of the server, for that may be a rehearsal
  let ahead = 0;
  function clock() {
    const said = main()?.dataset.now;
    ahead = said ? Date.parse(said) - Date.now() : 0;
    if (Math.abs(ahead) < 2000) ahead = 0;
  }
  function ago(moment) {
    const gap = (Date.now() + ahead - moment) / 1000, size = Math.abs(gap);
    const [unit, word] = size >= 86400 ? [86400, "d"] : size >= 3600 ? [3600, "h"] : size >= 60 ? [60, "min"] : [1, "s"];
    const text = `${Math.round(size / unit)} ${word}`;
    return gap >= 0 ? `${text} ago` : `in ${text}`;
  }
  function times() {
    for (const each of document.querySelectorAll("time[data-ago]")) {
      const text = ago(Date.parse(each.dateTime));
      if (each.textContent !== text) each.textContent = text;
    }
  }

  // The page anew: what is open stays open, what is written in or stands in the middle of being read stays as it is.
  let refreshing = false, silent = false;
  window.htmx?.registerExtension("sqlpipe", {
    htmx_before_morph_node: (_target, { oldNode, newNode }) => {
      if (oldNode.matches?.("details")) newNode.toggleAttribute("open", oldNode.open);
      return !oldNode.matches?.("[data-keep], input, select, textarea");
    },
  });
  async function refresh() {
    if (refreshing || !window.htmx) return;
    refreshing = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.redirected || answer.status === 401) return location.reload();
      if (!answer.ok) throw new Error(`it says ${answer.status}`);
      await htmx.swap({ sourceElement: document.body, target: main(), text: await answer.text(), select: "#main", swap: "outerMorph" });
      if (silent) tell("");
      silent = false;
      clock();
      times();
      document.dispatchEvent(new CustomEvent("sqlpipe:refreshed"));
    } catch (error) {
      if (!silent) tell(`The server does not answer (${error.message}). What you see may be old.`, "bad");
      silent = true;
    } finally {
      refreshing = false;
    }
  }
  const busy = () => {
    const selection = getSelection();
    return document.hidden || document.querySelector("dialog[open]") !== null
      || (selection && !selection.isCollapsed && main().contains(selection.anchorNode))
      || main().querySelector(":is(input, select, textarea):focus") !== null;
  };
  function live() {
    const pause = Number(main()?.dataset.live);
    setTimeout(async () => {
      if (pause && !busy()) await refresh();
      live();
    }, (pause || 5) * 1000);
  }

  // Search
  let entries, dialog;
  async function load(address) {
    if (location.protocol !== "file:") return (await (await fetch(address)).json()).entries;
    // A page from a file may fetch nothing, but run the scripts beside it.
    await new Promise((loaded, failed) => {
      const script = make("script", { src: address.replace(/json$/, "js") });
      script.addEventListener("load", loaded);
      script.addEventListener("error", failed);
      document.head.append(script);
    });
    return window.sqlpipe_search.entries;
  }
  function score(text, wanted) {
    const at = text.indexOf(wanted);
    if (text === wanted) return 1000;
    if (at === 0) return 600;
    if (at > 0) return /[^a-z0-9]/.test(text[at - 1]) ? 400 : 200;
    let from = -1, gaps = 0;
    for (const letter of wanted) {
      const next = text.indexOf(letter, from + 1);
      if (next < 0) return 0;
      if (from >= 0) gaps += next - from - 1;
      from = next;
    }
    return wanted.length > 2 && gaps <= 2 * wanted.length ? Math.max(1, 60 - gaps) : 0;
  }
  function find(text) {
    const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
    const found = [];
    for (const each of entries) {
      const name = each.name.toLowerCase();
      let sum = 0, column = "";
      for (const word of wanted) {
        let best = score(name, word);
        if (best < 200) {
          for (const other of each.columns ?? []) {
            const points = score(other.toLowerCase(), word) / 4;
            if (points > 45 && points > best) [best, column] = [points, other];
          }
        }
        if (best < 60 && each.says.toLowerCase().includes(word)) best = 60;
        if (!best) { sum = 0; break; }
        sum += best;
      }
      if (sum || !wanted.length) found.push({ each, sum, column });
    }
    found.sort((a, b) => b.sum - a.sum || a.each.name.length - b.each.name.length || (a.each.name < b.each.name ? -1 : 1));
    return found.slice(0, 50);
  }
  function open(link) {
    const address = new URL(link.dataset.search, location.href);
    const input = make("input", { type: "search", role: "combobox", "aria-label": "Search", "aria-controls": "found",
      "aria-expanded": "true", "aria-autocomplete": "list", placeholder: "Nodes, columns, runs, pages", spellcheck: "false",
      autocomplete: "off" });
    const list = make("ul", { id: "found", role: "listbox", "aria-label": "Found" });
    const count = make("p", { role: "status" });
    dialog = make("dialog", { class: "search", "aria-label": "Search" }, input, list, count);
    let found = [], at = 0;
    const go = (index, aside) => {
      if (!found[index]) return;
      const target = new URL(found[index].each.address, address).href;
      if (aside) window.open(target, "_blank", "noopener");
      else location.assign(target);
      dialog.close();
    };
    const choose = (index) => {
      at = Math.max(0, Math.min(index, found.length - 1));
      [...list.children].forEach((each, number) => each.setAttribute("aria-selected", String(number === at)));
      input.setAttribute("aria-activedescendant", found.length ? `found-${at}` : "");
      list.children[at]?.scrollIntoView({ block: "nearest" });
    };
    const show = () => {
      if (!entries) return;
      found = find(input.value);
      list.replaceChildren(...found.map(({ each, column }, number) => make("li", { role: "option", id: `found-${number}` },
        make("span", { class: "glyph", "aria-hidden": "true" }, each.glyph), make("span", {}, each.name),
        make("span", { class: "faint" }, column), make("span", { class: "kind" }, each.kind))));
      count.textContent = found.length ? "" : "Nothing of that name.";
      count.hidden = found.length > 0;
      choose(0);
    };
    input.addEventListener("input", show);
    input.addEventListener("keydown", (pressed) => {
      const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[pressed.key];
      if (step) choose(at + step);
      else if (pressed.key === "Enter") go(at, pressed.ctrlKey || pressed.metaKey);
      else return;
      pressed.preventDefault();
    });
    list.addEventListener("click", (clicked) => {
      const item = clicked.target.closest("li");
      if (item) go([...list.children].indexOf(item), clicked.ctrlKey || clicked.metaKey);
    });
    dialog.addEventListener("click", (clicked) => { if (clicked.target === dialog) dialog.close(); });
    dialog.addEventListener("close", () => { dialog.remove(); dialog = undefined; });
    document.body.append(dialog);
    dialog.showModal();
    count.textContent = entries ? "" : "Looking …";
    if (entries) show();
    load(address.href).then((known) => { entries = known; show(); }, () => { if (!entries) location.assign(link.href); });
  }
  on("click", "[data-search]", (link, clicked) => {
    if (clicked.ctrlKey || clicked.metaKey || clicked.shiftKey) return;
    clicked.preventDefault();
    open(link);
  });
  document.addEventListener("keydown", (pressed) => {
    const link = document.querySelector("[data-search]");
    const slash = pressed.key === "/" && !pressed.ctrlKey && !pressed.metaKey && !pressed.altKey
      && !pressed.target.closest?.("input, select, textarea, [contenteditable]");
    const k = pressed.key.toLowerCase() === "k" && (pressed.ctrlKey || pressed.metaKey) && !pressed.altKey;
    if (!link || dialog || document.querySelector("dialog[open]") || !(slash || k)) return;
    pressed.preventDefault();
    open(link);
  });

  // For the scripts of single pages
  window.sqlpipe = { make, send, tell, refresh };
  clock();
  times();
  setInterval(times, 15000);
  live();
})();
