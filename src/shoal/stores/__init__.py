"""Where things are remembered: memory and embedded SQLite behind one port."""
