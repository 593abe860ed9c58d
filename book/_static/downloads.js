// Browsers show .json, .md, .py, .ipynb and other text of a book that is opened as a file, whatever the link says: there,
// beside each of them lies a script that hands over its text.
(() => {
  window.hclDownload = (name, text) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text]));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  document.addEventListener("DOMContentLoaded", () => {
    for (const link of document.querySelectorAll("a.btn-download-source-button")) {
      link.download = "";
      link.removeAttribute("target");
    }
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[download]");
    if (!link || location.protocol !== "file:" || !/^file:.*(\.(json|md|py|ipynb)|\/_downloads\/.*)$/.test(link.href)) return;
    event.preventDefault();
    const script = document.createElement("script");
    script.src = `${link.href}.js`;
    script.onload = () => script.remove();
    script.onerror = () => { script.remove(); window.open(link.href); };
    document.head.append(script);
  });
})();
