"""How users come in: sessions, limits on wrong passwords, second factor."""
