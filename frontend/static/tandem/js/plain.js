// Pages outside the frame: notices can be dismissed; a form says that it is being sent.
document.addEventListener("click", (event) => {
  if (event.target instanceof Element) event.target.closest("[data-dismiss]")?.parentElement?.remove();
});
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || form.method !== "post") return;
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-busy", "true");
});
