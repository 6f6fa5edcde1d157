Bgrad_log_varsJ‚oЮвi6Афам
21А