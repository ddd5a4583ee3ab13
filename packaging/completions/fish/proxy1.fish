# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_proxy1_global_optspecs
    string join \n v/verbose q/quiet log-format= listen= at= L/local= R/remote= D/dynamic= W/stdio= publish= N T ticket= ticket-file= when-down= classic idle= tcp-keepalive= memory= socket-buffer= state= streams= max-datagram= keepalive= udp-idle= payload= linger= queue= rate= id-rest= metrics= control= no-control drain= config= print-config check h/help V/version
end

function __fish_proxy1_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_proxy1_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_proxy1_using_subcommand
    set -l cmd (__fish_proxy1_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c proxy1 -n "__fish_proxy1_needs_command" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy1 -n "__fish_proxy1_needs_command" -l listen -d 'The same as the first word' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -l at -d 'The same as HOST and PORT; up to 8 times, for a proxy2 that may be at several places' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -s L -l local -d 'Carry TCP clients that come here to HOST:PORT as proxy2 sees it, or to a /SOCKET of its machine or a published @NAME in its place. A PORT may be a range, 8000-8010; /udp at the end carries datagrams' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -s R -l remote -d 'Carry clients that come to proxy2\'s machine to HOST:PORT as seen from here; without HOST:PORT to where they ask, as -D does. /udp as for -L' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -s D -l dynamic -d 'Be a proxy for SOCKS5, SOCKS5h and HTTP at this port: proxy2 connects to what clients ask for' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -s W -l stdio -d 'Carry standard input and output, once' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -l publish -d 'Offer HOST:PORT, as seen from here, under a name to all who may use it: with -L PORT:@NAME, `paso nc @NAME`' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -l ticket -d 'The ticket that proxy2 printed, one line; seen by all users of this machine: prefer one of the next two' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -l ticket-file -d 'A file that holds the ticket and that nobody else can read or replace; - reads a line from standard input' -r -F
complete -c proxy1 -n "__fish_proxy1_needs_command" -l when-down -d 'While proxy2 does not answer let a client wait for so long and then reset it; \'refuse\' resets it at once, \'wait\' is 10s' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -l idle -d 'Close a stream that carried nothing for so long, 1s or more [default: never; with --classic 5m]' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -l tcp-keepalive -d 'Check a TCP connection without traffic after so long, 1s to 9h, and end it if nothing answers for one and a half times as long; \'off\' is never' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -l memory -d 'Bytes that the data of all streams may take, 4MiB or more, with --classic 1MiB or more [default: 256MiB; with --classic 64MiB]' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -l socket-buffer -d 'Size to ask for each UDP socket buffer; the system may grant less (root gets all of it for what arrives)' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c proxy1 -n "__fish_proxy1_needs_command" -l streams -d 'Streams that a link may have at a time, 1 or more' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -l max-datagram -d 'Largest datagram to try, in bytes of UDP payload, 1200 to 65507; the path decides what is used' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -l keepalive -d 'While streams are open and idle, proxy1 sends a packet so often that NATs on the way keep them, sooner where one forgets sooner; 0s is never' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -l udp-idle -d 'End a flow of UDP datagrams that carried none for so long, 1s or more' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -l payload -d 'Most data bytes in a datagram, 1 to 65505; 2 bytes of header come on top' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -l linger -d 'After a FIN on this side, close when the other direction was silent for so long' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -l queue -d 'Bytes that may wait for one TCP connection; what exceeds them is dropped' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -l rate -d 'Send data no faster than this, like 500Mbit; \'auto\' is what fills a receive buffer as this machine grants it to anybody in 25 ms, at most 2.1Gbit; \'none\' is no limit' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -l id-rest -d 'Let the id of a closed stream rest for so long before it is used again' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -l metrics -d 'Show links and streams on a web page, and numbers for Prometheus at /metrics, at this port of HTTP; a bare PORT is on 127.0.0.1, *:PORT everywhere. Who reaches it sees the names of tickets and targets' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -l control -d 'Answer `status`, `close`, `reload` and `drain` at this Unix socket [default: a file in $XDG_RUNTIME_DIR/paso, or else in the state folder]' -r -F
complete -c proxy1 -n "__fish_proxy1_needs_command" -l drain -d 'After SIGTERM accept nothing new, and let streams go on for so long before they are cut; 0s cuts them at once, as does a second signal' -r
complete -c proxy1 -n "__fish_proxy1_needs_command" -l config -d 'Read options from this file too, in TOML: each key is a long option, as in `ticket-file = "exit.ticket"`. SIGHUP reads it again' -r -F
complete -c proxy1 -n "__fish_proxy1_needs_command" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy1 -n "__fish_proxy1_needs_command" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy1 -n "__fish_proxy1_needs_command" -s N -d 'Accepted and ignored, as is -T: there is no remote command and no terminal here'
complete -c proxy1 -n "__fish_proxy1_needs_command" -s T -d 'As -N'
complete -c proxy1 -n "__fish_proxy1_needs_command" -l classic -d 'Speak the classic protocol: ten streams, no encryption, lost datagrams stay lost'
complete -c proxy1 -n "__fish_proxy1_needs_command" -l no-control -d 'Answer nobody'
complete -c proxy1 -n "__fish_proxy1_needs_command" -l print-config -d 'Print the options that are in force, as such a file, each with the place that says it, and end'
complete -c proxy1 -n "__fish_proxy1_needs_command" -l check -d 'Check the options, the names of hosts, and what files and tickets are named, and end: 0 all is well, 1 something cannot be had, 2 bad usage'
complete -c proxy1 -n "__fish_proxy1_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy1 -n "__fish_proxy1_needs_command" -s V -l version -d 'Print version'
complete -c proxy1 -n "__fish_proxy1_needs_command" -a "check" -d 'Says why a proxy1 does not reach its proxy2, or why the link is slow: asks each place of proxy2, then measures the path for some seconds'
complete -c proxy1 -n "__fish_proxy1_needs_command" -a "status" -d 'Shows what running proxies carry'
complete -c proxy1 -n "__fish_proxy1_needs_command" -a "top" -d 'Shows what running proxies carry, as it changes'
complete -c proxy1 -n "__fish_proxy1_needs_command" -a "close" -d 'Resets a stream, or all streams of a link'
complete -c proxy1 -n "__fish_proxy1_needs_command" -a "reload" -d 'Has tickets, names and the configuration file read again, as SIGHUP does'
complete -c proxy1 -n "__fish_proxy1_needs_command" -a "drain" -d 'Has a proxy accept nothing new, and end when its last stream has ended'
complete -c proxy1 -n "__fish_proxy1_needs_command" -a "restart" -d 'Starts a proxy2 again as it is installed now: the new process takes over, and streams go on in the old one until they end'
complete -c proxy1 -n "__fish_proxy1_using_subcommand check" -s W -l target -d 'Whether proxy2 reaches this, instead of its own target: HOST:PORT, @NAME or /SOCKET, as for `proxy1 -W`' -r
complete -c proxy1 -n "__fish_proxy1_using_subcommand check" -l at -d 'Where proxy2 is; up to 8 times; not needed with a ticket that says it' -r
complete -c proxy1 -n "__fish_proxy1_using_subcommand check" -l ticket -d 'The ticket that proxy2 printed, one line; seen by all users of this machine: prefer one of the next two' -r
complete -c proxy1 -n "__fish_proxy1_using_subcommand check" -l ticket-file -d 'A file that holds the ticket and that nobody else can read or replace; - reads a line from standard input' -r -F
complete -c proxy1 -n "__fish_proxy1_using_subcommand check" -l state -d 'Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]' -r -F
complete -c proxy1 -n "__fish_proxy1_using_subcommand check" -l config -d 'Take this from the configuration file of `paso in`' -r -F
complete -c proxy1 -n "__fish_proxy1_using_subcommand check" -l link -d 'Which link of that file, where it has several' -r
complete -c proxy1 -n "__fish_proxy1_using_subcommand check" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy1 -n "__fish_proxy1_using_subcommand check" -l no-load -d 'Send nothing but thin probes: without it 1.2 MB go each way within 2 s'
complete -c proxy1 -n "__fish_proxy1_using_subcommand check" -l nat -d 'Find out how soon a NAT on the way forgets an idle link: takes 82 s more'
complete -c proxy1 -n "__fish_proxy1_using_subcommand check" -l json -d 'Print one JSON document at the end and nothing else'
complete -c proxy1 -n "__fish_proxy1_using_subcommand check" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy1 -n "__fish_proxy1_using_subcommand check" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy1 -n "__fish_proxy1_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy1 -n "__fish_proxy1_using_subcommand check" -s V -l version -d 'Print version'
complete -c proxy1 -n "__fish_proxy1_using_subcommand status" -l at -d 'The proxy that answers at this Unix socket, or those in this folder [default: all of this user; root is shown those of services and other users too]' -r -F
complete -c proxy1 -n "__fish_proxy1_using_subcommand status" -l pid -d 'The proxy with this process id' -r
complete -c proxy1 -n "__fish_proxy1_using_subcommand status" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy1 -n "__fish_proxy1_using_subcommand status" -l json -d 'Print a JSON array, an object for each proxy (docs/control.md)'
complete -c proxy1 -n "__fish_proxy1_using_subcommand status" -l links -d 'Only the links, not their streams'
complete -c proxy1 -n "__fish_proxy1_using_subcommand status" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy1 -n "__fish_proxy1_using_subcommand status" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy1 -n "__fish_proxy1_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy1 -n "__fish_proxy1_using_subcommand status" -s V -l version -d 'Print version'
complete -c proxy1 -n "__fish_proxy1_using_subcommand top" -l at -d 'The proxy that answers at this Unix socket, or those in this folder [default: all of this user; root is shown those of services and other users too]' -r -F
complete -c proxy1 -n "__fish_proxy1_using_subcommand top" -l pid -d 'The proxy with this process id' -r
complete -c proxy1 -n "__fish_proxy1_using_subcommand top" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy1 -n "__fish_proxy1_using_subcommand top" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy1 -n "__fish_proxy1_using_subcommand top" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy1 -n "__fish_proxy1_using_subcommand top" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy1 -n "__fish_proxy1_using_subcommand top" -s V -l version -d 'Print version'
complete -c proxy1 -n "__fish_proxy1_using_subcommand close" -l at -d 'The proxy that answers at this Unix socket, or those in this folder [default: all of this user; root is shown those of services and other users too]' -r -F
complete -c proxy1 -n "__fish_proxy1_using_subcommand close" -l pid -d 'The proxy with this process id' -r
complete -c proxy1 -n "__fish_proxy1_using_subcommand close" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy1 -n "__fish_proxy1_using_subcommand close" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy1 -n "__fish_proxy1_using_subcommand close" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy1 -n "__fish_proxy1_using_subcommand close" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy1 -n "__fish_proxy1_using_subcommand close" -s V -l version -d 'Print version'
complete -c proxy1 -n "__fish_proxy1_using_subcommand reload" -l at -d 'The proxy that answers at this Unix socket, or those in this folder [default: all of this user; root is shown those of services and other users too]' -r -F
complete -c proxy1 -n "__fish_proxy1_using_subcommand reload" -l pid -d 'The proxy with this process id' -r
complete -c proxy1 -n "__fish_proxy1_using_subcommand reload" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy1 -n "__fish_proxy1_using_subcommand reload" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy1 -n "__fish_proxy1_using_subcommand reload" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy1 -n "__fish_proxy1_using_subcommand reload" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy1 -n "__fish_proxy1_using_subcommand reload" -s V -l version -d 'Print version'
complete -c proxy1 -n "__fish_proxy1_using_subcommand drain" -l at -d 'The proxy that answers at this Unix socket, or those in this folder [default: all of this user; root is shown those of services and other users too]' -r -F
complete -c proxy1 -n "__fish_proxy1_using_subcommand drain" -l pid -d 'The proxy with this process id' -r
complete -c proxy1 -n "__fish_proxy1_using_subcommand drain" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy1 -n "__fish_proxy1_using_subcommand drain" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy1 -n "__fish_proxy1_using_subcommand drain" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy1 -n "__fish_proxy1_using_subcommand drain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy1 -n "__fish_proxy1_using_subcommand drain" -s V -l version -d 'Print version'
complete -c proxy1 -n "__fish_proxy1_using_subcommand restart" -l at -d 'The proxy that answers at this Unix socket, or those in this folder [default: all of this user; root is shown those of services and other users too]' -r -F
complete -c proxy1 -n "__fish_proxy1_using_subcommand restart" -l pid -d 'The proxy with this process id' -r
complete -c proxy1 -n "__fish_proxy1_using_subcommand restart" -l log-format -d 'How lines of the log are written: for people, or each a JSON object for programs' -r -f -a "text\t'Time, level, sentence and fields, for people'
json\t'A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them'"
complete -c proxy1 -n "__fish_proxy1_using_subcommand restart" -s v -l verbose -d 'Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)'
complete -c proxy1 -n "__fish_proxy1_using_subcommand restart" -s q -l quiet -d 'Log less: -q for warnings, -qq for errors only'
complete -c proxy1 -n "__fish_proxy1_using_subcommand restart" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c proxy1 -n "__fish_proxy1_using_subcommand restart" -s V -l version -d 'Print version'
