#!/usr/bin/env escript
%% SPDX-License-Identifier: GPL-2.0-or-later
%% A device with Erlang's ssl application: erlang.escript PORT secret ID SECRET | certificate CA CERTIFICATE KEY
%% Asks for the directory; prints the suite and the answer.

proof(["secret", Id, Secret]) ->
    Lookup = fun(psk, _Hint, _State) -> {ok, list_to_binary(Secret)} end,
    [{psk_identity, Id}, {user_lookup_fun, {Lookup, undefined}}, {verify, verify_none},
     {ciphers, [ssl:str_to_suite(Suite) || Suite <- ["TLS_PSK_WITH_AES_128_CCM_8",
                                                     "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256"]]}];
proof(["certificate", Authority, Certificate, Key]) ->
    [{cacertfile, Authority}, {certfile, Certificate}, {keyfile, Key}, {verify, verify_peer},
     {server_name_indication, disable}].

main([Port | Proof]) ->
    {ok, _} = application:ensure_all_started(ssl),
    Options = [{protocol, dtls}, {versions, ['dtlsv1.2']}, {active, false}, binary | proof(Proof)],
    {ok, Socket} = ssl:connect("127.0.0.1", list_to_integer(Port), Options, 20000),
    {ok, [{selected_cipher_suite, Suite}]} =
        ssl:connection_information(Socket, [selected_cipher_suite]),
    ok = ssl:send(Socket, <<16#40, 1, 16#12, 16#34, 16#bb, ".well-known", 4, "core">>),
    {ok, Answer} = ssl:recv(Socket, 0, 20000),
    io:format("~s~n~s~n", [ssl:suite_to_str(Suite), Answer]),
    ssl:close(Socket).
