// Shows the copy buttons, which are hidden without scripts, and lets each copy the field it names.
for (const button of document.querySelectorAll("button[data-copies]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).value);
    document.getElementById(button.dataset.says).textContent = button.dataset.done;
  });
}
