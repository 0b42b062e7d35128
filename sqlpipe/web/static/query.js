// The page on which one asks: Control and Enter run the query, a click on a name writes it.
"use strict";
(() => {
  const field = () => document.getElementById("sql");

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target === field()) {
      event.preventDefault();
      field().form.requestSubmit();
    }
  });
  document.addEventListener("click", (event) => {
    const name = event.target.closest?.("[data-insert]");
    if (!name) return;
    const area = field();
    area.focus();
    const before = area.value.slice(0, area.selectionStart);
    area.setRangeText(before && !/[\s(.,]$/.test(before) ? ` ${name.dataset.insert}` : name.dataset.insert,
      area.selectionStart, area.selectionEnd, "end");
  });
})();
