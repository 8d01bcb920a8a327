//! The wildcards of a topic exchange.

/// Whether a binding by `binding` takes `key`: `*` is one word, `#` none or more of them.
pub fn covers(binding: &str, key: &str) -> bool {
    let binding: Vec<_> = binding.split('.').collect();
    let key: Vec<_> = if key.is_empty() { Vec::new() } else { key.split('.').collect() };
    // One row of the table which tells for each length of a key's beginning whether the binding's takes it.
    let mut row = vec![false; key.len() + 1];
    row[0] = true;
    for word in binding {
        if word == "#" {
            for at in 1..row.len() {
                row[at] |= row[at - 1];
            }
            continue;
        }
        for at in (1..row.len()).rev() {
            row[at] = row[at - 1] && (word == "*" || word == key[at - 1]);
        }
        row[0] = false;
    }
    row.last().copied().unwrap_or_default()
}
