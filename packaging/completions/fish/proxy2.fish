# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_proxy2_global_optspecs
    string join \n v/verbose q/quiet log-format= listen= target= L/local= publish= dial-timeout= classic idle= tcp-keepalive= memory= socket-buffer= state= streams= max-datagram= keepalive= udp-idle= payload= linger= queue= rate= also-port= allow= links= abandon= handshakes= early= peers= metrics= control= no-control drain= take-over config= print-config check h/help V/version
end

function __fish_proxy2_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_proxy2_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_proxy2_using_subcommand
    set -l cmd (__fish_proxy2_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c proxy2 -n "__fish_proxy2_needs_command" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy2 -n "__fish_proxy2_needs_command" -l listen -d 'The same as the first word' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l target -d 'The same as HOST and PORT' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -s L -l local -d 'Carry TCP clients that come here to a name that somebody has published' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l publish -d 'Offer HOST:PORT, as seen from here, under a name to all who may use it' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l dial-timeout -d 'How long the target may take to accept a connection [default: 10s; with --classic 5s]' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l idle -d 'Close a stream that carried nothing for so long, 1s or more [default: never; with --classic 5m]' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l tcp-keepalive -d 'Check a TCP connection without traffic after so long, 1s to 9h, and end it if nothing answers for one and a half times as long; \'off\' is never' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l memory -d 'Bytes that the data of all streams may take, 4MiB or more, with --classic 1MiB or more [default: 256MiB; with --classic 64MiB]' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l socket-buffer -d 'Size to ask for each UDP socket buffer; the system may grant less (root gets all of it for what arrives)' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c proxy2 -n "__fish_proxy2_needs_command" -l streams -d 'Streams that a link may have at a time, 1 or more' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l max-datagram -d 'Largest datagram to try, in bytes of UDP payload, 1200 to 65507; the path decides what is used' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l keepalive -d 'While streams are open and idle, proxy1 sends a packet so often that NATs on the way keep them, sooner where one forgets sooner; 0s is never' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l udp-idle -d 'End a flow of UDP datagrams that carried none for so long, 1s or more' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l payload -d 'Most data bytes in a datagram, 1 to 65505; 2 bytes of header come on top' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l linger -d 'After a FIN on this side, close when the other direction was silent for so long' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l queue -d 'Bytes that may wait for one TCP connection; what exceeds them is dropped' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l rate -d 'Send data no faster than this, like 500Mbit; \'auto\' is what fills a receive buffer as this machine grants it to anybody in 25 ms, at most 2.1Gbit; \'none\' is no limit' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l also-port -d 'Take datagrams at these UDP ports too, up to 15: a network that stops one may let another pass, 443, 53 or 123' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l allow -d 'What the holders of tickets without rules of their own may do; may be given several times. `proxy2 ticket allow` gives a ticket its own, and its --help says what a rule is' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l links -d 'How many links there may be at a time, 1 or more' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l abandon -d 'Let a link go, and reset its targets, after so long a silence of its proxy1; 0s is never' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l handshakes -d 'How many handshakes a second may cost public-key work, 1 or more [default: what takes a quarter of one core of this machine, 50 to 2000]' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l early -d 'Bytes that are held for a stream whose target has not answered yet' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l peers -d 'How many proxy1s may have streams at a time, ten streams each' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l metrics -d 'Show links and streams on a web page, and numbers for Prometheus at /metrics, at this port of HTTP; a bare PORT is on 127.0.0.1, *:PORT everywhere. Who reaches it sees the names of tickets and targets' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l control -d 'Answer `status`, `close`, `reload` and `drain` at this Unix socket [default: a file in $XDG_RUNTIME_DIR/paso, or else in the state folder]' -r -F
complete -c proxy2 -n "__fish_proxy2_needs_command" -l drain -d 'After SIGTERM accept nothing new, and let streams go on for so long before they are cut; 0s cuts them at once, as does a second signal' -r
complete -c proxy2 -n "__fish_proxy2_needs_command" -l config -d 'Read options from this file too, in TOML: each key is a long option, as in `ticket-file = "exit.ticket"`. SIGHUP reads it again' -r -F
complete -c proxy2 -n "__fish_proxy2_needs_command" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy2 -n "__fish_proxy2_needs_command" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy2 -n "__fish_proxy2_needs_command" -l classic -d 'Speak the classic protocol: ten streams, no encryption, lost datagrams stay lost'
complete -c proxy2 -n "__fish_proxy2_needs_command" -l no-control -d 'Answer nobody'
complete -c proxy2 -n "__fish_proxy2_needs_command" -l take-over -d 'Take over the sockets of the proxy2 that runs at this address, if one does: its streams go on in it until they end, all that is new comes here. `paso restart` does the same for the program as it is installed'
complete -c proxy2 -n "__fish_proxy2_needs_command" -l print-config -d 'Print the options that are in force, as such a file, each with the place that says it, and end'
complete -c proxy2 -n "__fish_proxy2_needs_command" -l check -d 'Check the options, the names of hosts, and what files and tickets are named, and end: 0 all is well, 1 something cannot be had, 2 bad usage'
complete -c proxy2 -n "__fish_proxy2_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy2 -n "__fish_proxy2_needs_command" -s V -l version -d 'Print version'
complete -c proxy2 -n "__fish_proxy2_needs_command" -a "ticket" -d 'Makes, shows and revokes the tickets that let a proxy1 join, and says what they may do'
complete -c proxy2 -n "__fish_proxy2_needs_command" -a "status" -d 'Shows what running proxies carry'
complete -c proxy2 -n "__fish_proxy2_needs_command" -a "top" -d 'Shows what running proxies carry, as it changes'
complete -c proxy2 -n "__fish_proxy2_needs_command" -a "close" -d 'Resets a stream, or all streams of a link'
complete -c proxy2 -n "__fish_proxy2_needs_command" -a "reload" -d 'Has tickets, names and the configuration file read again, as SIGHUP does'
complete -c proxy2 -n "__fish_proxy2_needs_command" -a "drain" -d 'Has a proxy accept nothing new, and end when its last stream has ended'
complete -c proxy2 -n "__fish_proxy2_needs_command" -a "restart" -d 'Starts a proxy2 again as it is installed now: the new process takes over, and streams go on in the old one until they end'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -s V -l version -d 'Print version'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -f -a "add" -d 'Make a ticket and print it, this once: proxy2 does not keep it. Waits until a running proxy2 has taken it'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -f -a "list" -d 'List all tickets: name, standing, fingerprint of the client\'s public key, when it was made; below, what it may do'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -f -a "show" -d 'Print what is known of a ticket; the ticket itself was printed only when it was made'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -f -a "allow" -d 'Let the holder of a ticket do more, and wait until a running proxy2 has taken it'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -f -a "deny" -d 'Take rules of a ticket away, and wait until a running proxy2 has reset what they had allowed'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -f -a "apply" -d 'Give tickets the rules that stand in a file, all or none of them, and wait until a running proxy2 has taken them'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and not __fish_seen_subcommand_from add list show allow deny apply revoke" -f -a "revoke" -d 'Let nobody in with this ticket any more, and wait until a running proxy2 has ended its links'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from add" -l out -d 'Write the ticket to this new file, for you alone to read, instead of printing it (\'-\' prints it)' -r -F
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from add" -l at -d 'Say in the ticket that proxy1 finds proxy2 on this host, at these UDP ports, 1 to 8 of them in the order in which they are to be tried; up to 8 times' -r
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from add" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from add" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from add" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from list" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from list" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from show" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from show" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from allow" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from allow" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from allow" -l only -d 'Nothing else from now on: these rules take the place of the ticket\'s'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from allow" -l default -d 'Take the ticket\'s own rules away: its holder may do what proxy2 allows to all (`proxy2 --allow`)'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from allow" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from allow" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from allow" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from deny" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from deny" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from deny" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from deny" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from deny" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from apply" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from apply" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from apply" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from apply" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from apply" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from revoke" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from revoke" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from revoke" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from revoke" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy2 -n "__fish_proxy2_using_subcommand ticket; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy2 -n "__fish_proxy2_using_subcommand status" -l at -d 'The proxy that answers at this Unix socket, or those in this folder [default: all of this user; root is shown those of services and other users too]' -r -F
complete -c proxy2 -n "__fish_proxy2_using_subcommand status" -l pid -d 'The proxy with this process id' -r
complete -c proxy2 -n "__fish_proxy2_using_subcommand status" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy2 -n "__fish_proxy2_using_subcommand status" -l json -d 'Print a JSON array, an object for each proxy (docs/control.md)'
complete -c proxy2 -n "__fish_proxy2_using_subcommand status" -l links -d 'Only the links, not their streams'
complete -c proxy2 -n "__fish_proxy2_using_subcommand status" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy2 -n "__fish_proxy2_using_subcommand status" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy2 -n "__fish_proxy2_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy2 -n "__fish_proxy2_using_subcommand status" -s V -l version -d 'Print version'
complete -c proxy2 -n "__fish_proxy2_using_subcommand top" -l at -d 'The proxy that answers at this Unix socket, or those in this folder [default: all of this user; root is shown those of services and other users too]' -r -F
complete -c proxy2 -n "__fish_proxy2_using_subcommand top" -l pid -d 'The proxy with this process id' -r
complete -c proxy2 -n "__fish_proxy2_using_subcommand top" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy2 -n "__fish_proxy2_using_subcommand top" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy2 -n "__fish_proxy2_using_subcommand top" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy2 -n "__fish_proxy2_using_subcommand top" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy2 -n "__fish_proxy2_using_subcommand top" -s V -l version -d 'Print version'
complete -c proxy2 -n "__fish_proxy2_using_subcommand close" -l at -d 'The proxy that answers at this Unix socket, or those in this folder [default: all of this user; root is shown those of services and other users too]' -r -F
complete -c proxy2 -n "__fish_proxy2_using_subcommand close" -l pid -d 'The proxy with this process id' -r
complete -c proxy2 -n "__fish_proxy2_using_subcommand close" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy2 -n "__fish_proxy2_using_subcommand close" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy2 -n "__fish_proxy2_using_subcommand close" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy2 -n "__fish_proxy2_using_subcommand close" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy2 -n "__fish_proxy2_using_subcommand close" -s V -l version -d 'Print version'
complete -c proxy2 -n "__fish_proxy2_using_subcommand reload" -l at -d 'The proxy that answers at this Unix socket, or those in this folder [default: all of this user; root is shown those of services and other users too]' -r -F
complete -c proxy2 -n "__fish_proxy2_using_subcommand reload" -l pid -d 'The proxy with this process id' -r
complete -c proxy2 -n "__fish_proxy2_using_subcommand reload" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy2 -n "__fish_proxy2_using_subcommand reload" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy2 -n "__fish_proxy2_using_subcommand reload" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy2 -n "__fish_proxy2_using_subcommand reload" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy2 -n "__fish_proxy2_using_subcommand reload" -s V -l version -d 'Print version'
complete -c proxy2 -n "__fish_proxy2_using_subcommand drain" -l at -d 'The proxy that answers at this Unix socket, or those in this folder [default: all of this user; root is shown those of services and other users too]' -r -F
complete -c proxy2 -n "__fish_proxy2_using_subcommand drain" -l pid -d 'The proxy with this process id' -r
complete -c proxy2 -n "__fish_proxy2_using_subcommand drain" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy2 -n "__fish_proxy2_using_subcommand drain" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy2 -n "__fish_proxy2_using_subcommand drain" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy2 -n "__fish_proxy2_using_subcommand drain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy2 -n "__fish_proxy2_using_subcommand drain" -s V -l version -d 'Print version'
complete -c proxy2 -n "__fish_proxy2_using_subcommand restart" -l at -d 'The proxy that answers at this Unix socket, or those in this folder [default: all of this user; root is shown those of services and other users too]' -r -F
complete -c proxy2 -n "__fish_proxy2_using_subcommand restart" -l pid -d 'The proxy with this process id' -r
complete -c proxy2 -n "__fish_proxy2_using_subcommand restart" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy2 -n "__fish_proxy2_using_subcommand restart" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy2 -n "__fish_proxy2_using_subcommand restart" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy2 -n "__fish_proxy2_using_subcommand restart" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy2 -n "__fish_proxy2_using_subcommand restart" -s V -l version -d 'Print version'
