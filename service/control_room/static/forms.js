// A decision shows only the fields that its reason asks for; without this module it shows all of them.

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
