/* Filters of the scoreboard: the address after # keeps them, as #verdict=undecided&data=cifar10. Without this script
   every claim is shown. */
function filterClaims() {
  const form = document.querySelector(".hcl-filters");
  if (!form) return;
  const claims = [...document.querySelectorAll(".hcl-claims .hcl-claim")];
  const marks = new Map([...document.querySelectorAll(".hcl-mark")].map((mark) => [mark.hash.slice(1), mark]));
  const waiting = document.querySelector(".hcl-waiting");
  const text = new Map(claims.map((claim) => [claim, claim.textContent.replaceAll("\u00a0", " ").toLowerCase()]));
  const fields = [...form.elements].filter((field) => field.name);

  function apply() {
    const wanted = fields.filter((field) => field.value.trim());
    const fits = (claim, field) =>
      field.name === "text"
        ? field.value.toLowerCase().trim().split(/\s+/).every((word) => text.get(claim).includes(word))
        : claim.dataset[field.name] === field.value;
    for (const claim of claims) {
      claim.hidden = !wanted.every((field) => fits(claim, field));
      marks.get(claim.id)?.classList.toggle("hcl-off", claim.hidden);
    }
    for (const group of document.querySelectorAll(".hcl-group")) group.hidden = !group.querySelector(".hcl-claim:not([hidden])");
    if (waiting) {
      waiting.hidden = !waiting.querySelector(".hcl-claim:not([hidden])");
      if (wanted.length) waiting.open = !waiting.hidden;
    }
    const shown = claims.filter((claim) => !claim.hidden).length;
    const own = claims.filter((claim) => !claim.hidden && !form.parentElement.contains(claim)).length;
    form.querySelector(".hcl-shown").textContent = `${shown} of ${claims.length} claims are shown${own ? `, ${own} of them our own` : ""}.`;
  }

  function keep() {
    const state = new URLSearchParams(fields.filter((field) => field.value.trim()).map((f) => [f.name, f.value.trim()]));
    history.replaceState(null, "", `${state}` ? `#${state}` : location.pathname + location.search);
    apply();
  }

  function follow() {
    const hash = decodeURIComponent(location.hash.slice(1));
    const claim = claims.find((one) => one.id === hash);
    if (!claim && hash && !hash.includes("=")) return; // a heading
    const state = new URLSearchParams(claim ? "" : location.hash.slice(1));
    if (!claim || claim.hidden) for (const field of fields) field.value = state.get(field.name) ?? "";
    apply();
    if (!claim) return;
    if (waiting?.contains(claim)) waiting.open = true;
    claim.scrollIntoView();
  }

  form.hidden = false;
  form.addEventListener("input", keep);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(keep));
  addEventListener("hashchange", follow);
  apply();
  follow();
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", filterClaims);
else filterClaims();
