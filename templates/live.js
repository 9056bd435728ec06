"use strict";
(() => {
  const frame = document.getElementById("report");
  const now = document.getElementById("now");
  const opened = () => [...frame.contentDocument.querySelectorAll("details")];

  // Load the report again where the reader was: same place, same details open.
  const renew = () => {
    const y = frame.contentWindow.scrollY;
    const open = opened().map((one) => one.open);
    frame.addEventListener("load", () => {
      opened().forEach((one, at) => { one.open = open[at] ?? false; });
      frame.contentWindow.scrollTo({ top: y, behavior: "instant" });
    }, { once: true });
    frame.contentWindow.location.reload();
  };

  const look = async () => {
    try {
      const told = await (await fetch("/now", { cache: "no-store" })).json();
      now.textContent = told.words.join("; ");
      if (told.version !== frame.dataset.version) {
        frame.dataset.version = told.version;
        renew();
      }
      frame.dataset.going = told.going ? "yes" : "no";
    } catch {
      now.textContent = "promo serve does not answer; this is what it showed last";
    }
    if (frame.dataset.going === "yes") setTimeout(look, 1000 * frame.dataset.every);
  };
  if (frame.dataset.going === "yes") setTimeout(look, 1000 * frame.dataset.every);
})();
