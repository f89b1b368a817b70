UPDATE store SET epoch = ? WHERE one = 1
