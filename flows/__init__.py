"""What gets scheduled and watched; composition only, no arithmetic."""
