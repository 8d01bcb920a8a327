
use builtin;
use str;

set edit:completion:arg-completer[eyas] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'eyas'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'eyas'= {
            cand -o 'How results are shown'
            cand --output 'How results are shown'
            cand --color 'When to use colours'
            cand --profile 'The profile of eyas.toml to use'
            cand -q 'No talk on stderr but errors'
            cand --quiet 'No talk on stderr but errors'
            cand -v 'More talk on stderr'
            cand --verbose 'More talk on stderr'
            cand --no-input 'Never ask, not even on a terminal'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
            cand doctor 'Show every setting, where it came from, and what there is to work with'
            cand completions 'Print the completion script of a shell'
            cand man 'Print a manual page, or write them all'
            cand help 'Tell more about a command, or about the exit codes'
        }
        &'eyas;doctor'= {
            cand -o 'How results are shown'
            cand --output 'How results are shown'
            cand --color 'When to use colours'
            cand --profile 'The profile of eyas.toml to use'
            cand -q 'No talk on stderr but errors'
            cand --quiet 'No talk on stderr but errors'
            cand -v 'More talk on stderr'
            cand --verbose 'More talk on stderr'
            cand --no-input 'Never ask, not even on a terminal'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'eyas;completions'= {
            cand -o 'How results are shown'
            cand --output 'How results are shown'
            cand --color 'When to use colours'
            cand --profile 'The profile of eyas.toml to use'
            cand -q 'No talk on stderr but errors'
            cand --quiet 'No talk on stderr but errors'
            cand -v 'More talk on stderr'
            cand --verbose 'More talk on stderr'
            cand --no-input 'Never ask, not even on a terminal'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'eyas;man'= {
            cand --out 'Write every page into this folder'
            cand -o 'How results are shown'
            cand --output 'How results are shown'
            cand --color 'When to use colours'
            cand --profile 'The profile of eyas.toml to use'
            cand -q 'No talk on stderr but errors'
            cand --quiet 'No talk on stderr but errors'
            cand -v 'More talk on stderr'
            cand --verbose 'More talk on stderr'
            cand --no-input 'Never ask, not even on a terminal'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'eyas;help'= {
            cand -o 'How results are shown'
            cand --output 'How results are shown'
            cand --color 'When to use colours'
            cand --profile 'The profile of eyas.toml to use'
            cand -q 'No talk on stderr but errors'
            cand --quiet 'No talk on stderr but errors'
            cand -v 'More talk on stderr'
            cand --verbose 'More talk on stderr'
            cand --no-input 'Never ask, not even on a terminal'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
    ]
    $completions[$command]
}
