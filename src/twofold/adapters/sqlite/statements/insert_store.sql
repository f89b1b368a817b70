INSERT INTO store (one, epoch, created_at) VALUES (1, ?, ?)
