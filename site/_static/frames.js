// A player in a frame says how high it is; a page from a folder cannot look into its frames.
window.addEventListener("message", ({ data, source }) => {
  if (!data || data.pianoalign !== "height" || !Number.isFinite(data.height_px)) return;
  for (const frame of document.querySelectorAll("iframe.explorer"))
    if (frame.contentWindow === source) frame.style.height = `${data.height_px}px`;
});
