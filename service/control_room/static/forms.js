// Forms: a decision shows only the fields that its reason asks for; without this module it shows all of them.

function fit(form) {
  const chosen = form.querySelector("input[name=reason]:checked");
  const needs = new Set(chosen ? chosen.dataset.needs.split(" ") : []);
  for (const field of form.querySelectorAll("[data-field]")) {
    field.hidden = chosen !== null && !needs.has(field.dataset.field);
  }
}

for (const form of document.querySelectorAll("form[data-reasons]")) {
  form.addEventListener("change", () => fit(form));
  fit(form);
}

// Copies a reference, to look it up in the force's own systems; without this module nothing offers it.
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  });
}
