// Starts Swagger UI on this server's own description; a file of its own because the
// Content-Security-Policy allows no inline script.
window.addEventListener("DOMContentLoaded", () => {
  window.SwaggerUIBundle({
    url: document.querySelector("#swagger-ui").dataset.description,
    dom_id: "#swagger-ui",
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    // The validator badge would ask a server elsewhere.
    validatorUrl: null,
  });
});
