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
complete -c eyas -n "__fish_eyas_needs_command" -f -a "doctor" -d 'Show every setting, where it came from, and what there is to work with'
complete -c eyas -n "__fish_eyas_needs_command" -f -a "completions" -d 'Print the completion script of a shell'
complete -c eyas -n "__fish_eyas_needs_command" -f -a "man" -d 'Print a manual page, or write them all'
complete -c eyas -n "__fish_eyas_needs_command" -f -a "help" -d 'Tell more about a command, or about the exit codes'
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
