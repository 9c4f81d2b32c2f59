"""Statistics, agreement with theory, claims, figures and exports."""
