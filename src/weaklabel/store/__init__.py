"""What is kept between relabelings: votes by rule and shard, and the versioned table of labels."""
