using TokenRefresh.Server.Cli;

return await CommandLine.RunAsync(args);
