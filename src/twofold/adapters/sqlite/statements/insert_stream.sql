INSERT INTO streams (id, name, category, slice) VALUES (?, ?, ?, ?)
