/* One switch in the header that opens the code of all cells, on this page and, as it is remembered, on the others. */
(() => {
  const folds = [...document.querySelectorAll("details.code-fold")];
  const place = document.querySelector(".article-header-buttons");
  if (!folds.length || !place) return;
  const KEY = "hcl-show-code";
  const read = () => {
    try { return localStorage.getItem(KEY) === "yes"; } catch { return false; }
  };
  const write = (shown) => {
    try { localStorage.setItem(KEY, shown ? "yes" : "no"); } catch { /* a private window */ }
  };
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-sm code-switch";
  button.innerHTML = '<span aria-hidden="true">&lt;/&gt;</span>&nbsp;<span class="code-switch-text">Show all code</span>';
  button.setAttribute("aria-label", "Show all code");
  button.title = "Show all code";
  const show = (shown) => {
    button.setAttribute("aria-pressed", String(shown));
    folds.forEach((fold) => { fold.open = shown; });
  };
  button.addEventListener("click", () => {
    const shown = button.getAttribute("aria-pressed") !== "true";
    write(shown);
    show(shown);
  });
  show(read());
  place.prepend(button);
})();
