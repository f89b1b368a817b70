SELECT epoch, created_at FROM store WHERE one = 1
