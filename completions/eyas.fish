# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_eyas_global_optspecs
    string join \n o/output= q/quiet v/verbose color= no-input profile= h/help V/version
end

function __fish_eyas_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_eyas_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_eyas_using_subcommand
    set -l cmd (__fish_eyas_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c eyas -n "__fish_eyas_needs_command" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_needs_command" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_needs_command" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_needs_command" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_needs_command" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_needs_command" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_needs_command" -s h -l help -d 'Print help'
complete -c eyas -n "__fish_eyas_needs_command" -s V -l version -d 'Print version'
complete -c eyas -n "__fish_eyas_needs_command" -f -a "new" -d 'Make a NestJS service from a template'
complete -c eyas -n "__fish_eyas_needs_command" -f -a "check" -d 'Check that a template renders soundly, whatever is answered'
complete -c eyas -n "__fish_eyas_needs_command" -f -a "template" -d 'See templates, and begin one of your own'
complete -c eyas -n "__fish_eyas_needs_command" -f -a "emit" -d 'Emit events, as Nest\'s ClientProxy.emit() does'
complete -c eyas -n "__fish_eyas_needs_command" -f -a "send" -d 'Send a request, as Nest\'s ClientProxy.send() does, and print the reply'
complete -c eyas -n "__fish_eyas_needs_command" -f -a "tail" -d 'Watch messages on their way, requests paired with their replies'
complete -c eyas -n "__fish_eyas_needs_command" -f -a "record" -d 'Write messages on their way to a file, for replay and mock'
complete -c eyas -n "__fish_eyas_needs_command" -f -a "replay" -d 'Send what was recorded again, and compare the replies'
complete -c eyas -n "__fish_eyas_needs_command" -f -a "mock" -d 'Answer requests as a Nest service would, by rules'
complete -c eyas -n "__fish_eyas_needs_command" -f -a "bench" -d 'Measure how many calls a service answers, and how fast'
complete -c eyas -n "__fish_eyas_needs_command" -f -a "dlq" -d 'See dead letters, send them again, or throw them away'
complete -c eyas -n "__fish_eyas_needs_command" -f -a "health" -d 'Tell whether services are well, and what they speak through can be reached'
complete -c eyas -n "__fish_eyas_needs_command" -f -a "ls" -d 'List services, or what a live address offers and who takes from it'
complete -c eyas -n "__fish_eyas_needs_command" -f -a "doctor" -d 'Show every setting, where it came from, and what there is to work with'
complete -c eyas -n "__fish_eyas_needs_command" -f -a "completions" -d 'Print the completion script of a shell'
complete -c eyas -n "__fish_eyas_needs_command" -f -a "man" -d 'Print a manual page, or write them all'
complete -c eyas -n "__fish_eyas_needs_command" -f -a "help" -d 'Tell more about a command, or about the exit codes'
complete -c eyas -n "__fish_eyas_using_subcommand new" -l transport -d 'How it is spoken to; repeatable, the first is the main one; none: over HTTP alone, to call others' -r
complete -c eyas -n "__fish_eyas_using_subcommand new" -l with -d 'What it has beside the preset; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand new" -l preset -d 'A set of features: minimal, standard, production' -r
complete -c eyas -n "__fish_eyas_using_subcommand new" -l client -d 'Another service it calls, over the transport of its URL; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand new" -l set -d 'Answer a template\'s question; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand new" -l answers -d 'Take answers from a TOML or JSON file' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand new" -l template -d 'A template of your own: a folder, a .tar.gz, or a git URL' -r
complete -c eyas -n "__fish_eyas_using_subcommand new" -l into -d 'Make it in DIR instead of in a folder of its name' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand new" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand new" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand new" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand new" -l http -d 'Serve the resource over HTTP, too'
complete -c eyas -n "__fish_eyas_using_subcommand new" -l defaults -d 'Take every default, and ask nothing'
complete -c eyas -n "__fish_eyas_using_subcommand new" -l install -d 'Run `npm install` in it'
complete -c eyas -n "__fish_eyas_using_subcommand new" -l no-git -d 'Make no git repository'
complete -c eyas -n "__fish_eyas_using_subcommand new" -l dry-run -d 'Show the files it would make, and write nothing'
complete -c eyas -n "__fish_eyas_using_subcommand new" -l diff -d 'Show what would change as a diff, and write nothing'
complete -c eyas -n "__fish_eyas_using_subcommand new" -l force -d 'Overwrite files that are there'
complete -c eyas -n "__fish_eyas_using_subcommand new" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand new" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand new" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand new" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eyas -n "__fish_eyas_using_subcommand check" -s o -l output -d 'How findings are shown: `github` makes annotations' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''
github\t''"
complete -c eyas -n "__fish_eyas_using_subcommand check" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand check" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand check" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand check" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand check" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eyas -n "__fish_eyas_using_subcommand template; and not __fish_seen_subcommand_from ls show schema init fetch" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand template; and not __fish_seen_subcommand_from ls show schema init fetch" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand template; and not __fish_seen_subcommand_from ls show schema init fetch" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand template; and not __fish_seen_subcommand_from ls show schema init fetch" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand template; and not __fish_seen_subcommand_from ls show schema init fetch" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand template; and not __fish_seen_subcommand_from ls show schema init fetch" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand template; and not __fish_seen_subcommand_from ls show schema init fetch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eyas -n "__fish_eyas_using_subcommand template; and not __fish_seen_subcommand_from ls show schema init fetch" -f -a "ls" -d 'The templates there are'
complete -c eyas -n "__fish_eyas_using_subcommand template; and not __fish_seen_subcommand_from ls show schema init fetch" -f -a "show" -d 'What can be chosen in a template'
complete -c eyas -n "__fish_eyas_using_subcommand template; and not __fish_seen_subcommand_from ls show schema init fetch" -f -a "schema" -d 'A JSON Schema of its answers'
complete -c eyas -n "__fish_eyas_using_subcommand template; and not __fish_seen_subcommand_from ls show schema init fetch" -f -a "init" -d 'Begin a template of your own'
complete -c eyas -n "__fish_eyas_using_subcommand template; and not __fish_seen_subcommand_from ls show schema init fetch" -f -a "fetch" -d 'Bring a template into a folder, to read or to change it'
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from ls" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from ls" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from ls" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from ls" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from ls" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from ls" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help'
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from show" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from show" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from show" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from show" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from show" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from show" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from schema" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from schema" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from schema" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from schema" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from schema" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from schema" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from schema" -s h -l help -d 'Print help'
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from init" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from init" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from init" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from init" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from init" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from init" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help'
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from fetch" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from fetch" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from fetch" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from fetch" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from fetch" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from fetch" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand template; and __fish_seen_subcommand_from fetch" -s h -l help -d 'Print help'
complete -c eyas -n "__fish_eyas_using_subcommand emit" -s d -l data -d 'The data as one text: JSON, `@FILE`, or `-` for standard input' -r
complete -c eyas -n "__fish_eyas_using_subcommand emit" -l ndjson -d 'A message from each line of FILE (`-`: standard input): a payload, or a record of `tail -o json`' -r
complete -c eyas -n "__fish_eyas_using_subcommand emit" -l seed -d 'Makes `--expand` repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand emit" -s H -l header -d 'A header (properties, metadata); repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand emit" -l as -d 'Prove to be SERVICE of eyas.toml, by a token of a minute that its `secret` there signs' -r
complete -c eyas -n "__fish_eyas_using_subcommand emit" -s n -l count -d 'How many messages' -r
complete -c eyas -n "__fish_eyas_using_subcommand emit" -l rate -d 'How many in a time, whatever the replies do: 200/s, 10/m' -r
complete -c eyas -n "__fish_eyas_using_subcommand emit" -s O -l option -d 'An option of the transport, as in the URL\'s query, or `nest=11` for a service of Nest 11; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand emit" -l timeout -d 'How long to wait for the first reply, then between replies [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand emit" -l connect-timeout -d 'How long connecting may take, TLS and login included [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand emit" -l tls-ca -d 'PEM file of the authorities to trust instead of the system\'s' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand emit" -l tls-cert -d 'PEM file of the client\'s certificate' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand emit" -l tls-key -d 'PEM file of the client\'s key' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand emit" -l tls-server-name -d 'The name to expect in the server\'s certificate' -r
complete -c eyas -n "__fish_eyas_using_subcommand emit" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand emit" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand emit" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand emit" -l bare -d 'Take every line as a payload, records too'
complete -c eyas -n "__fish_eyas_using_subcommand emit" -l expand -d 'Fill in `{{ uuid() }}`, `{{ now() }}`, `{{ seq }}`, `{{ random(min=1, max=9) }}` for each message'
complete -c eyas -n "__fish_eyas_using_subcommand emit" -l raw -d 'Send the data as it is, without Nest\'s envelope'
complete -c eyas -n "__fish_eyas_using_subcommand emit" -l insecure -d 'Trust any certificate'
complete -c eyas -n "__fish_eyas_using_subcommand emit" -l dry-run -d 'Show the exact bytes and send nothing'
complete -c eyas -n "__fish_eyas_using_subcommand emit" -s y -l yes -d 'Do not ask for confirmation'
complete -c eyas -n "__fish_eyas_using_subcommand emit" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand emit" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand emit" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand emit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eyas -n "__fish_eyas_using_subcommand send" -s d -l data -d 'The data as one text: JSON, `@FILE`, or `-` for standard input' -r
complete -c eyas -n "__fish_eyas_using_subcommand send" -l ndjson -d 'A message from each line of FILE (`-`: standard input): a payload, or a record of `tail -o json`' -r
complete -c eyas -n "__fish_eyas_using_subcommand send" -l seed -d 'Makes `--expand` repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand send" -s H -l header -d 'A header (properties, metadata); repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand send" -l as -d 'Prove to be SERVICE of eyas.toml, by a token of a minute that its `secret` there signs' -r
complete -c eyas -n "__fish_eyas_using_subcommand send" -s n -l count -d 'Send it so many times, one after the other' -r
complete -c eyas -n "__fish_eyas_using_subcommand send" -l replies -d 'Stop after N replies instead of at the end of the stream' -r
complete -c eyas -n "__fish_eyas_using_subcommand send" -l expect -d 'Every reply\'s data must fulfil this jq expression, or the exit code is 1' -r
complete -c eyas -n "__fish_eyas_using_subcommand send" -l print -d 'Print more than the data, on stderr' -r -f -a "headers\t'The reply\'s headers'
timing\t'How long it took'"
complete -c eyas -n "__fish_eyas_using_subcommand send" -s F -l format -d 'Each message by a template over its record: \'{ts} {pattern} {data.id}\'' -r
complete -c eyas -n "__fish_eyas_using_subcommand send" -l filter -d 'Only messages for which this jq expression over the record holds' -r
complete -c eyas -n "__fish_eyas_using_subcommand send" -l grep -d 'Only messages whose payload matches' -r
complete -c eyas -n "__fish_eyas_using_subcommand send" -s O -l option -d 'An option of the transport, as in the URL\'s query, or `nest=11` for a service of Nest 11; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand send" -l timeout -d 'How long to wait for the first reply, then between replies [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand send" -l connect-timeout -d 'How long connecting may take, TLS and login included [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand send" -l tls-ca -d 'PEM file of the authorities to trust instead of the system\'s' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand send" -l tls-cert -d 'PEM file of the client\'s certificate' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand send" -l tls-key -d 'PEM file of the client\'s key' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand send" -l tls-server-name -d 'The name to expect in the server\'s certificate' -r
complete -c eyas -n "__fish_eyas_using_subcommand send" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand send" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand send" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand send" -l bare -d 'Take every line as a payload, records too'
complete -c eyas -n "__fish_eyas_using_subcommand send" -l expand -d 'Fill in `{{ uuid() }}`, `{{ now() }}`, `{{ seq }}`, `{{ random(min=1, max=9) }}` for each message'
complete -c eyas -n "__fish_eyas_using_subcommand send" -l raw -d 'Send the data as it is, without Nest\'s envelope'
complete -c eyas -n "__fish_eyas_using_subcommand send" -l insecure -d 'Trust any certificate'
complete -c eyas -n "__fish_eyas_using_subcommand send" -l dry-run -d 'Show the exact bytes and send nothing'
complete -c eyas -n "__fish_eyas_using_subcommand send" -s y -l yes -d 'Do not ask for confirmation'
complete -c eyas -n "__fish_eyas_using_subcommand send" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand send" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand send" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand send" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l listen -d 'Stand in between: listen here (`127.0.0.1:4001`, or just a port of this machine) and pass everything on' -r
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l from -d 'Begin with what came before, where the broker keeps it: start, end, a position, -N (the last N), a time' -r
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l last -d 'Begin with the last N' -r
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l since -d 'Begin with what came within this time' -r
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l until -d 'End with what was kept until this time, or go on until then' -r
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l only -d 'Only these: requests, replies, events, errors, unanswered' -r
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l slow -d 'Only what took at least this long' -r
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l trace -d 'Only what belongs together by this correlation id, message id, or trace id of a traceparent' -r
complete -c eyas -n "__fish_eyas_using_subcommand tail" -s n -l count -d 'End after N messages' -r
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l idle -d 'End when nothing came for this time' -r
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l for -d 'End after this time' -r
complete -c eyas -n "__fish_eyas_using_subcommand tail" -s F -l format -d 'Each message by a template over its record: \'{ts} {pattern} {data.id}\'' -r
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l filter -d 'Only messages for which this jq expression over the record holds' -r
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l grep -d 'Only messages whose payload matches' -r
complete -c eyas -n "__fish_eyas_using_subcommand tail" -s O -l option -d 'An option of the transport, as in the URL\'s query, or `nest=11` for a service of Nest 11; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l timeout -d 'How long to wait for the first reply, then between replies [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l connect-timeout -d 'How long connecting may take, TLS and login included [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l tls-ca -d 'PEM file of the authorities to trust instead of the system\'s' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l tls-cert -d 'PEM file of the client\'s certificate' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l tls-key -d 'PEM file of the client\'s key' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l tls-server-name -d 'The name to expect in the server\'s certificate' -r
complete -c eyas -n "__fish_eyas_using_subcommand tail" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l stats -d 'A table of rates and latencies instead of each message: as it grows on a terminal, else at the end. With `-o json` a record behind the messages'
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l all -d 'Watch every service of eyas.toml'
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l no-follow -d 'End with what was there at the start; without a place to begin that is everything'
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l insecure -d 'Trust any certificate'
complete -c eyas -n "__fish_eyas_using_subcommand tail" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand tail" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand tail" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand tail" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eyas -n "__fish_eyas_using_subcommand record" -l mask -d 'Do not keep what stands at this path of the record: data.card.number, data.items[].card, headers.x-internal; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand record" -l listen -d 'Stand in between: listen here (`127.0.0.1:4001`, or just a port of this machine) and pass everything on' -r
complete -c eyas -n "__fish_eyas_using_subcommand record" -l from -d 'Begin with what came before, where the broker keeps it: start, end, a position, -N (the last N), a time' -r
complete -c eyas -n "__fish_eyas_using_subcommand record" -l last -d 'Begin with the last N' -r
complete -c eyas -n "__fish_eyas_using_subcommand record" -l since -d 'Begin with what came within this time' -r
complete -c eyas -n "__fish_eyas_using_subcommand record" -l until -d 'End with what was kept until this time, or go on until then' -r
complete -c eyas -n "__fish_eyas_using_subcommand record" -l only -d 'Only these: requests, replies, events, errors, unanswered' -r
complete -c eyas -n "__fish_eyas_using_subcommand record" -l slow -d 'Only what took at least this long' -r
complete -c eyas -n "__fish_eyas_using_subcommand record" -l trace -d 'Only what belongs together by this correlation id, message id, or trace id of a traceparent' -r
complete -c eyas -n "__fish_eyas_using_subcommand record" -s n -l count -d 'End after N messages' -r
complete -c eyas -n "__fish_eyas_using_subcommand record" -l idle -d 'End when nothing came for this time' -r
complete -c eyas -n "__fish_eyas_using_subcommand record" -l for -d 'End after this time' -r
complete -c eyas -n "__fish_eyas_using_subcommand record" -s F -l format -d 'Each message by a template over its record: \'{ts} {pattern} {data.id}\'' -r
complete -c eyas -n "__fish_eyas_using_subcommand record" -l filter -d 'Only messages for which this jq expression over the record holds' -r
complete -c eyas -n "__fish_eyas_using_subcommand record" -l grep -d 'Only messages whose payload matches' -r
complete -c eyas -n "__fish_eyas_using_subcommand record" -s O -l option -d 'An option of the transport, as in the URL\'s query, or `nest=11` for a service of Nest 11; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand record" -l timeout -d 'How long to wait for the first reply, then between replies [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand record" -l connect-timeout -d 'How long connecting may take, TLS and login included [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand record" -l tls-ca -d 'PEM file of the authorities to trust instead of the system\'s' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand record" -l tls-cert -d 'PEM file of the client\'s certificate' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand record" -l tls-key -d 'PEM file of the client\'s key' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand record" -l tls-server-name -d 'The name to expect in the server\'s certificate' -r
complete -c eyas -n "__fish_eyas_using_subcommand record" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand record" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand record" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand record" -l force -d 'Replace a file that is there already'
complete -c eyas -n "__fish_eyas_using_subcommand record" -l all -d 'Watch every service of eyas.toml'
complete -c eyas -n "__fish_eyas_using_subcommand record" -l no-follow -d 'End with what was there at the start; without a place to begin that is everything'
complete -c eyas -n "__fish_eyas_using_subcommand record" -l insecure -d 'Trust any certificate'
complete -c eyas -n "__fish_eyas_using_subcommand record" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand record" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand record" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand record" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eyas -n "__fish_eyas_using_subcommand replay" -l verb -d 'Send all of it so, whatever it was' -r
complete -c eyas -n "__fish_eyas_using_subcommand replay" -l speed -d 'How fast: 2x, 0.5x, max [default: 1x]' -r
complete -c eyas -n "__fish_eyas_using_subcommand replay" -l rate -d 'How many in a time instead, whatever the replies do: 200/s, 10/m' -r
complete -c eyas -n "__fish_eyas_using_subcommand replay" -s n -l count -d 'End after N messages' -r
complete -c eyas -n "__fish_eyas_using_subcommand replay" -l map -d 'Send what was recorded for OLD to NEW; a `*` in both stands for the same text; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand replay" -s H -l header -d 'A header that all of it gets, in place of the recorded one of that name; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand replay" -l filter -d 'Only messages for which this jq expression over the record holds' -r
complete -c eyas -n "__fish_eyas_using_subcommand replay" -l grep -d 'Only messages whose pattern or payload matches' -r
complete -c eyas -n "__fish_eyas_using_subcommand replay" -l ignore -d 'Leave out these parts of the replies: .createdAt, .items[].id; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand replay" -s O -l option -d 'An option of the transport, as in the URL\'s query, or `nest=11` for a service of Nest 11; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand replay" -l timeout -d 'How long to wait for the first reply, then between replies [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand replay" -l connect-timeout -d 'How long connecting may take, TLS and login included [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand replay" -l tls-ca -d 'PEM file of the authorities to trust instead of the system\'s' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand replay" -l tls-cert -d 'PEM file of the client\'s certificate' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand replay" -l tls-key -d 'PEM file of the client\'s key' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand replay" -l tls-server-name -d 'The name to expect in the server\'s certificate' -r
complete -c eyas -n "__fish_eyas_using_subcommand replay" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand replay" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand replay" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand replay" -l compare -d 'Send the requests and say which replies differ from those that were recorded; 1 if any does'
complete -c eyas -n "__fish_eyas_using_subcommand replay" -l dry-run -d 'Show the exact bytes and send nothing'
complete -c eyas -n "__fish_eyas_using_subcommand replay" -l insecure -d 'Trust any certificate'
complete -c eyas -n "__fish_eyas_using_subcommand replay" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand replay" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand replay" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand replay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eyas -n "__fish_eyas_using_subcommand mock" -l on -d 'Answer PATTERN with JSON; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand mock" -l rules -d 'Answer by the rules of a TOML file; repeatable' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand mock" -l from -d 'Answer as in a recording: the same data gets its recorded replies, other data those of the nearest request; repeatable' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand mock" -l play -d 'Play only these patterns of the recordings, with `*` for one word and `>` or `#` for all that follow; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand mock" -l delay -d 'How long each answer waits, where its rule does not say' -r
complete -c eyas -n "__fish_eyas_using_subcommand mock" -s n -l count -d 'End after N calls' -r
complete -c eyas -n "__fish_eyas_using_subcommand mock" -l for -d 'End after this time' -r
complete -c eyas -n "__fish_eyas_using_subcommand mock" -l idle -d 'End when nothing came for this time' -r
complete -c eyas -n "__fish_eyas_using_subcommand mock" -s F -l format -d 'Each message by a template over its record: \'{ts} {pattern} {data.id}\'' -r
complete -c eyas -n "__fish_eyas_using_subcommand mock" -l filter -d 'Only messages for which this jq expression over the record holds' -r
complete -c eyas -n "__fish_eyas_using_subcommand mock" -l grep -d 'Only messages whose payload matches' -r
complete -c eyas -n "__fish_eyas_using_subcommand mock" -s O -l option -d 'An option of the transport, as in the URL\'s query, or `nest=11` for a service of Nest 11; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand mock" -l timeout -d 'How long to wait for the first reply, then between replies [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand mock" -l connect-timeout -d 'How long connecting may take, TLS and login included [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand mock" -l tls-ca -d 'PEM file of the authorities to trust instead of the system\'s' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand mock" -l tls-cert -d 'PEM file of the client\'s certificate' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand mock" -l tls-key -d 'PEM file of the client\'s key' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand mock" -l tls-server-name -d 'The name to expect in the server\'s certificate' -r
complete -c eyas -n "__fish_eyas_using_subcommand mock" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand mock" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand mock" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand mock" -l echo -d 'Answer what no rule matches with its own data'
complete -c eyas -n "__fish_eyas_using_subcommand mock" -l alongside -d 'Answer beside a live service instead of leaving the patterns to it'
complete -c eyas -n "__fish_eyas_using_subcommand mock" -l insecure -d 'Trust any certificate'
complete -c eyas -n "__fish_eyas_using_subcommand mock" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand mock" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand mock" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand mock" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eyas -n "__fish_eyas_using_subcommand bench; and not __fish_seen_subcommand_from send emit" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand bench; and not __fish_seen_subcommand_from send emit" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand bench; and not __fish_seen_subcommand_from send emit" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and not __fish_seen_subcommand_from send emit" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand bench; and not __fish_seen_subcommand_from send emit" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand bench; and not __fish_seen_subcommand_from send emit" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand bench; and not __fish_seen_subcommand_from send emit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eyas -n "__fish_eyas_using_subcommand bench; and not __fish_seen_subcommand_from send emit" -f -a "send" -d 'Requests, each answered'
complete -c eyas -n "__fish_eyas_using_subcommand bench; and not __fish_seen_subcommand_from send emit" -f -a "emit" -d 'Events, nobody answers'
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -s d -l data -d 'The data as one text: JSON, `@FILE`, or `-` for standard input' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -l ndjson -d 'A message from each line of FILE (`-`: standard input): a payload, or a record of `tail -o json`' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -l seed -d 'Makes `--expand` repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -s H -l header -d 'A header (properties, metadata); repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -l as -d 'Prove to be SERVICE of eyas.toml, by a token of a minute that its `secret` there signs' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -s n -l count -d 'How many messages' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -l rate -d 'How many in a time, whatever the replies do: 200/s, 10/m' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -l for -d 'How long [default: 5s, unless -n says how many]' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -l in-flight -d 'How many calls may be under way at once' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -l warm-up -d 'Calls in this time at the start do not count' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -l expect-p99 -d 'Exit with 1 if one call in a hundred takes longer' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -l expect-rate -d 'Exit with 1 if fewer are answered in a time' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -s O -l option -d 'An option of the transport, as in the URL\'s query, or `nest=11` for a service of Nest 11; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -l timeout -d 'How long to wait for the first reply, then between replies [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -l connect-timeout -d 'How long connecting may take, TLS and login included [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -l tls-ca -d 'PEM file of the authorities to trust instead of the system\'s' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -l tls-cert -d 'PEM file of the client\'s certificate' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -l tls-key -d 'PEM file of the client\'s key' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -l tls-server-name -d 'The name to expect in the server\'s certificate' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -l bare -d 'Take every line as a payload, records too'
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -l expand -d 'Fill in `{{ uuid() }}`, `{{ now() }}`, `{{ seq }}`, `{{ random(min=1, max=9) }}` for each message'
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -l raw -d 'Send the data as it is, without Nest\'s envelope'
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -l insecure -d 'Trust any certificate'
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from send" -s h -l help -d 'Print help'
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -s d -l data -d 'The data as one text: JSON, `@FILE`, or `-` for standard input' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -l ndjson -d 'A message from each line of FILE (`-`: standard input): a payload, or a record of `tail -o json`' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -l seed -d 'Makes `--expand` repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -s H -l header -d 'A header (properties, metadata); repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -l as -d 'Prove to be SERVICE of eyas.toml, by a token of a minute that its `secret` there signs' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -s n -l count -d 'How many messages' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -l rate -d 'How many in a time, whatever the replies do: 200/s, 10/m' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -l for -d 'How long [default: 5s, unless -n says how many]' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -s O -l option -d 'An option of the transport, as in the URL\'s query, or `nest=11` for a service of Nest 11; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -l timeout -d 'How long to wait for the first reply, then between replies [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -l connect-timeout -d 'How long connecting may take, TLS and login included [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -l tls-ca -d 'PEM file of the authorities to trust instead of the system\'s' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -l tls-cert -d 'PEM file of the client\'s certificate' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -l tls-key -d 'PEM file of the client\'s key' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -l tls-server-name -d 'The name to expect in the server\'s certificate' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -l bare -d 'Take every line as a payload, records too'
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -l expand -d 'Fill in `{{ uuid() }}`, `{{ now() }}`, `{{ seq }}`, `{{ random(min=1, max=9) }}` for each message'
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -l raw -d 'Send the data as it is, without Nest\'s envelope'
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -l insecure -d 'Trust any certificate'
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand bench; and __fish_seen_subcommand_from emit" -s h -l help -d 'Print help'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and not __fish_seen_subcommand_from ls show redrive purge" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and not __fish_seen_subcommand_from ls show redrive purge" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and not __fish_seen_subcommand_from ls show redrive purge" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and not __fish_seen_subcommand_from ls show redrive purge" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and not __fish_seen_subcommand_from ls show redrive purge" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and not __fish_seen_subcommand_from ls show redrive purge" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and not __fish_seen_subcommand_from ls show redrive purge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and not __fish_seen_subcommand_from ls show redrive purge" -f -a "ls" -d 'Where dead letters lie, and how many'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and not __fish_seen_subcommand_from ls show redrive purge" -f -a "show" -d 'The letters themselves; takes none'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and not __fish_seen_subcommand_from ls show redrive purge" -f -a "redrive" -d 'Send them again to where they came from, and delete each once its copy is kept'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and not __fish_seen_subcommand_from ls show redrive purge" -f -a "purge" -d 'Throw them away'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from ls" -s O -l option -d 'An option of the transport, as in the URL\'s query, or `nest=11` for a service of Nest 11; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from ls" -l timeout -d 'How long to wait for the first reply, then between replies [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from ls" -l connect-timeout -d 'How long connecting may take, TLS and login included [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from ls" -l tls-ca -d 'PEM file of the authorities to trust instead of the system\'s' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from ls" -l tls-cert -d 'PEM file of the client\'s certificate' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from ls" -l tls-key -d 'PEM file of the client\'s key' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from ls" -l tls-server-name -d 'The name to expect in the server\'s certificate' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from ls" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from ls" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from ls" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from ls" -l insecure -d 'Trust any certificate'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from ls" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from ls" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from ls" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from show" -s n -l count -d 'At most N' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from show" -s O -l option -d 'An option of the transport, as in the URL\'s query, or `nest=11` for a service of Nest 11; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from show" -l timeout -d 'How long to wait for the first reply, then between replies [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from show" -l connect-timeout -d 'How long connecting may take, TLS and login included [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from show" -l tls-ca -d 'PEM file of the authorities to trust instead of the system\'s' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from show" -l tls-cert -d 'PEM file of the client\'s certificate' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from show" -l tls-key -d 'PEM file of the client\'s key' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from show" -l tls-server-name -d 'The name to expect in the server\'s certificate' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from show" -s F -l format -d 'Each message by a template over its record: \'{ts} {pattern} {data.id}\'' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from show" -l filter -d 'Only messages for which this jq expression over the record holds' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from show" -l grep -d 'Only messages whose payload matches' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from show" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from show" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from show" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from show" -l insecure -d 'Trust any certificate'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from show" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from show" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from show" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -s n -l count -d 'At most N' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -s O -l option -d 'An option of the transport, as in the URL\'s query, or `nest=11` for a service of Nest 11; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l timeout -d 'How long to wait for the first reply, then between replies [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l connect-timeout -d 'How long connecting may take, TLS and login included [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l tls-ca -d 'PEM file of the authorities to trust instead of the system\'s' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l tls-cert -d 'PEM file of the client\'s certificate' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l tls-key -d 'PEM file of the client\'s key' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l tls-server-name -d 'The name to expect in the server\'s certificate' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l to -d 'Send them here instead of to where they came from' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l rate -d 'How many in a time: 200/s, 10/m' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l filter -d 'Only letters for which this jq expression over the record holds' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l insecure -d 'Trust any certificate'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l dry-run -d 'Show the exact bytes and send nothing'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -s y -l yes -d 'Do not ask for confirmation'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -s h -l help -d 'Print help'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from purge" -s n -l count -d 'At most N' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from purge" -s O -l option -d 'An option of the transport, as in the URL\'s query, or `nest=11` for a service of Nest 11; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from purge" -l timeout -d 'How long to wait for the first reply, then between replies [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from purge" -l connect-timeout -d 'How long connecting may take, TLS and login included [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from purge" -l tls-ca -d 'PEM file of the authorities to trust instead of the system\'s' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from purge" -l tls-cert -d 'PEM file of the client\'s certificate' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from purge" -l tls-key -d 'PEM file of the client\'s key' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from purge" -l tls-server-name -d 'The name to expect in the server\'s certificate' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from purge" -l filter -d 'Only letters for which this jq expression over the record holds' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from purge" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from purge" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from purge" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from purge" -l insecure -d 'Trust any certificate'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from purge" -l dry-run -d 'Show the exact bytes and send nothing'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from purge" -s y -l yes -d 'Do not ask for confirmation'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from purge" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from purge" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from purge" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand dlq; and __fish_seen_subcommand_from purge" -s h -l help -d 'Print help'
complete -c eyas -n "__fish_eyas_using_subcommand health" -l every -d 'How long to wait between two rounds [default: 2s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand health" -l for -d 'End after this time' -r
complete -c eyas -n "__fish_eyas_using_subcommand health" -s O -l option -d 'An option of the transport, as in the URL\'s query, or `nest=11` for a service of Nest 11; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand health" -l timeout -d 'How long to wait for the first reply, then between replies [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand health" -l connect-timeout -d 'How long connecting may take, TLS and login included [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand health" -l tls-ca -d 'PEM file of the authorities to trust instead of the system\'s' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand health" -l tls-cert -d 'PEM file of the client\'s certificate' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand health" -l tls-key -d 'PEM file of the client\'s key' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand health" -l tls-server-name -d 'The name to expect in the server\'s certificate' -r
complete -c eyas -n "__fish_eyas_using_subcommand health" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand health" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand health" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand health" -s w -l watch -d 'Ask again and again, and tell what changed'
complete -c eyas -n "__fish_eyas_using_subcommand health" -l insecure -d 'Trust any certificate'
complete -c eyas -n "__fish_eyas_using_subcommand health" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand health" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand health" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand health" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eyas -n "__fish_eyas_using_subcommand ls" -s O -l option -d 'An option of the transport, as in the URL\'s query, or `nest=11` for a service of Nest 11; repeatable' -r
complete -c eyas -n "__fish_eyas_using_subcommand ls" -l timeout -d 'How long to wait for the first reply, then between replies [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand ls" -l connect-timeout -d 'How long connecting may take, TLS and login included [default: 5s]' -r
complete -c eyas -n "__fish_eyas_using_subcommand ls" -l tls-ca -d 'PEM file of the authorities to trust instead of the system\'s' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand ls" -l tls-cert -d 'PEM file of the client\'s certificate' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand ls" -l tls-key -d 'PEM file of the client\'s key' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand ls" -l tls-server-name -d 'The name to expect in the server\'s certificate' -r
complete -c eyas -n "__fish_eyas_using_subcommand ls" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand ls" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand ls" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand ls" -l insecure -d 'Trust any certificate'
complete -c eyas -n "__fish_eyas_using_subcommand ls" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand ls" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand ls" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eyas -n "__fish_eyas_using_subcommand doctor" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand doctor" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand doctor" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand doctor" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand doctor" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand doctor" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eyas -n "__fish_eyas_using_subcommand completions" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand completions" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand completions" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand completions" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand completions" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand completions" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eyas -n "__fish_eyas_using_subcommand man" -l out -d 'Write every page into this folder' -r -F
complete -c eyas -n "__fish_eyas_using_subcommand man" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand man" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand man" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand man" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand man" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand man" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eyas -n "__fish_eyas_using_subcommand help" -s o -l output -d 'How results are shown' -r -f -a "pretty\t''
line\t''
json\t''
raw\t''
quiet\t''"
complete -c eyas -n "__fish_eyas_using_subcommand help" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eyas -n "__fish_eyas_using_subcommand help" -l profile -d 'The profile of eyas.toml to use' -r
complete -c eyas -n "__fish_eyas_using_subcommand help" -s q -l quiet -d 'No talk on stderr but errors'
complete -c eyas -n "__fish_eyas_using_subcommand help" -s v -l verbose -d 'More talk on stderr'
complete -c eyas -n "__fish_eyas_using_subcommand help" -l no-input -d 'Never ask, not even on a terminal'
complete -c eyas -n "__fish_eyas_using_subcommand help" -s h -l help -d 'Print help (see more with \'--help\')'
