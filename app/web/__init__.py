"""HTTP only: routes, schemas, problem+json, security headers, pages."""
