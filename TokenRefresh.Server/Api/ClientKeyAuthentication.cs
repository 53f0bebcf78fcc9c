using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Administration;

namespace TokenRefresh.Server.Api;

/// <summary>The sign-in of programs: a client key as a bearer token. A key that exceeds its rate is not let in either, and is told so.</summary>
internal sealed class ClientKeyAuthentication(ClientAccess access, IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logs, UrlEncoder encoder)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logs, encoder)
{
    /// <summary>The scheme, and the policy that demands it.</summary>
    public const string Name = "ClientKey";

    private Problem refusal = Problem.Unauthorized;

    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var (client, problem) = access.Enter(Context, changes: !HttpMethods.IsGet(Request.Method));
        if (client is null)
        {
            refusal = problem!;
            return Task.FromResult(AuthenticateResult.Fail(refusal.Title));
        }

        return Task.FromResult(AuthenticateResult.Success(new(new(new ClientIdentity(client)), Name)));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties) => refusal.ExecuteAsync(Context);
}

/// <summary>A program that was let in by its key.</summary>
internal sealed class ClientIdentity(Client client) : ClaimsIdentity(ClientKeyAuthentication.Name)
{
    public Client Client { get; } = client;
}

/// <summary>The client of a request to the API.</summary>
internal static class ClientOfRequest
{
    public static Client Client(this HttpContext context) => ((ClientIdentity)context.User.Identity!).Client;
}
