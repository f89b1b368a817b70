"""What Prometheus takes: numbers in its text format, and rules that watch them."""
