// "The idea in pictures": a slider over the recorded epochs moves the points. Without this file the last one shows.
(() => {
  "use strict";

  function bring(figure) {
    const controls = figure.querySelector(".hcl-controls");
    const slider = controls.querySelector("input[type=range]");
    const button = controls.querySelector(".hcl-play");
    const output = controls.querySelector("output");
    const data = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    const panels = [...figure.querySelectorAll(".hcl-dots")].map((dots) => [...dots.children]);
    const last = data.epochs.length - 1;
    const still = window.matchMedia("(prefers-reduced-motion: reduce)");
    let timer = null;

    function show(frame) {
      slider.value = frame;
      panels.forEach((paths, panel) =>
        paths.forEach((path, group) => path.setAttribute("d", data.panels[panel][frame][group])));
      const words = `${data.epochs[frame]} of ${data.epochs[last]}`;
      output.textContent = words;
      slider.setAttribute("aria-valuetext", `epoch ${words}`);
    }

    function label() {
      button.textContent = timer !== null ? "Pause" : still.matches ? "Next" : "Play";
    }

    function stop() {
      window.clearInterval(timer);
      timer = null;
      label();
    }

    function step() {
      const frame = Number(slider.value);
      show(frame < last ? frame + 1 : 0);
      if (Number(slider.value) === last && timer !== null) stop();
    }

    button.addEventListener("click", () => {
      if (timer !== null) return stop();
      if (still.matches) return step(); // one step a click: nothing moves by itself
      if (Number(slider.value) === last) show(0);
      timer = window.setInterval(step, 200);
      label();
    });
    slider.addEventListener("input", () => {
      if (timer !== null) stop();
      show(Number(slider.value));
    });
    still.addEventListener("change", stop);
    controls.hidden = false;
    label();
    show(last);
  }

  const start = () => document.querySelectorAll(".hcl-moving").forEach(bring);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
