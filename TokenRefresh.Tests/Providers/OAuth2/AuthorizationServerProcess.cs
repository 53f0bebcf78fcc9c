using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace TokenRefresh.Tests.Providers.OAuth2;

/// <summary>An authorization server of another make: the npm package oidc-provider, as a child process.</summary>
internal sealed class AuthorizationServerProcess : IAsyncDisposable
{
    private readonly Process node;

    private AuthorizationServerProcess(Process node, string issuer, string refreshToken) => (this.node, Issuer, RefreshToken) = (node, issuer, refreshToken);

    public string Issuer { get; }

    /// <summary>The first refresh token of a grant that a person has started.</summary>
    public string RefreshToken { get; }

    private static string Folder => Path.Combine(Path.GetDirectoryName(Here())!, "AuthorizationServer");

    /// <summary>Why it cannot be started here, or null when it can.</summary>
    public static string? MissingBecause =>
        Directory.Exists(Path.Combine(Folder, "node_modules", "oidc-provider")) ? null : $"run npm ci in {Folder} first, as .ci/run does";

    public static async Task<AuthorizationServerProcess> StartAsync()
    {
        var node = Start("server.mjs");
        var line = await node.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The authorization server did not start.");
        var said = JsonDocument.Parse(line).RootElement;
        return new(node, said.GetProperty("issuer").GetString()!, said.GetProperty("refresh_token").GetString()!);
    }

    /// <summary>Starts a script of the folder; it ends when its input does.</summary>
    public static Process Start(string script)
    {
        var node = Process.Start(new ProcessStartInfo("node", [script])
        {
            WorkingDirectory = Folder, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        node.ErrorDataReceived += (_, _) => { };
        node.BeginErrorReadLine();
        return node;
    }

    public async ValueTask DisposeAsync()
    {
        node.StandardInput.Close();
        await node.WaitForExitAsync();
        node.Dispose();
    }

    private static string Here([CallerFilePath] string path = "") => path;
}
