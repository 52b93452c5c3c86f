"""How dates and numbers are written, where Django's own choice for French is too long for a column."""
