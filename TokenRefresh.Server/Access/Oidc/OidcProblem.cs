using System.Net;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace TokenRefresh.Server.Access.Oidc;

/// <summary>Why a company sign-in ended without a session.</summary>
internal enum OidcProblemKind
{
    /// <summary>None of the person's values of the role claim gives a role.</summary>
    NoRole,

    /// <summary>An administrator of the panel has disabled the person.</summary>
    Disabled,

    /// <summary>Another account has the name already.</summary>
    NameTaken,

    /// <summary>The person cancelled, or the identity provider does not let them use this server.</summary>
    Denied,

    /// <summary>The answer belongs to no sign-in of this browser: too old, sent twice, or altered.</summary>
    NotVerified,

    /// <summary>The identity provider did not answer.</summary>
    Unreachable,

    /// <summary>The identity provider refused this server, or what it answered cannot be trusted: a matter of the settings here or there.</summary>
    Misconfigured,
}

/// <summary>What the page of a refused company sign-in is drawn from; a feature of the request.</summary>
internal sealed record OidcProblem(OidcProblemKind Kind, string? Name = null)
{
    /// <summary>What an error of the handler means.</summary>
    public static OidcProblemKind KindOf(Exception? error) => error switch
    {
        null => OidcProblemKind.NotVerified,
        HttpRequestException { StatusCode: >= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError } => OidcProblemKind.Misconfigured,
        HttpRequestException or IOException or OperationCanceledException => OidcProblemKind.Unreachable,

        // Its subclasses are about state and nonce, which only a request of the browser can get wrong; so is a code that does not work.
        OpenIdConnectProtocolException when error.GetType() != typeof(OpenIdConnectProtocolException) || error.Data["error"] is "invalid_grant" => OidcProblemKind.NotVerified,
        OpenIdConnectProtocolException when error.Data["error"] is "server_error" or "temporarily_unavailable" => OidcProblemKind.Unreachable,
        OpenIdConnectProtocolException => OidcProblemKind.Misconfigured,
        SecurityTokenException => OidcProblemKind.Misconfigured,
        _ => KindOf(error.InnerException),
    };
}
