using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Tests.Providers;

namespace TokenRefresh.Tests.Processes;

/// <summary>Jibit on a real socket: rotates refresh tokens, refuses used ones, counts the calls in flight, and does what a test tells it.</summary>
internal sealed class JibitStub : IAsyncDisposable
{
    public const string ApiKey = "planted-secret-api-key";
    public const string SecretKey = "planted-secret-secret-key";

    private readonly Lock gate = new();
    private readonly HashSet<string> live = [];
    private LoopbackServer server = null!;
    private int issued;
    private int inFlight;

    private JibitStub()
    {
    }

    /// <summary>Runs before each call is answered; a status other than 200 is the answer, as is what it writes itself.</summary>
    public Func<HttpContext, Task<HttpStatusCode>> Before { get; set; } = _ => Task.FromResult(HttpStatusCode.OK);

    /// <summary>Every call that arrived: <c>generate</c> or <c>refresh</c>.</summary>
    public ConcurrentQueue<string> Calls { get; } = [];

    /// <summary>Refresh tokens that were sent after they had been used up.</summary>
    public ConcurrentQueue<string> Reused { get; } = [];

    /// <summary>The most calls that ever were in flight together.</summary>
    public int Peak { get; private set; }

    /// <summary>What lets the program use this stub, and nothing else.</summary>
    public Dictionary<string, string> Settings(DataFolder data, string connectionString) => new()
    {
        ["ASPNETCORE_ENVIRONMENT"] = "Development",
        ["Data__Directory"] = data.Path,
        ["ConnectionStrings__TokenRefresh"] = connectionString,
        // As of a server that has worked there: without it a verb that needs the database looks for the key file that no server has made.
        ["Encryption__MasterKey"] = Convert.ToBase64String(new byte[MasterKey.Length]),
        ["Sandbox__Enabled"] = "false",
        ["Providers__Jibit__BaseUrl"] = server.Address,
        ["Providers__Jibit__ApiKey"] = ApiKey,
        ["Providers__Jibit__SecretKey"] = SecretKey,
    };

    public static async Task<JibitStub> StartAsync()
    {
        var stub = new JibitStub();
        stub.server = await LoopbackServer.StartAsync(context => $"{context.Request.Method} {context.Request.Path}" switch
        {
            "POST /v1/tokens/generate" => stub.AnswerAsync(context, "generate"),
            "POST /v1/tokens/refresh" => stub.AnswerAsync(context, "refresh"),
            "GET /v1/balances" => context.Response.WriteAsJsonAsync(new { balances = Array.Empty<string>() }),
            _ => RefuseAsync(context, HttpStatusCode.NotFound, "not.found", ""),
        });
        return stub;
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();

    private async Task AnswerAsync(HttpContext context, string call)
    {
        Calls.Enqueue(call);
        lock (gate)
        {
            Peak = Math.Max(Peak, ++inFlight);
        }

        try
        {
            if (context.Request.ContentLength is null)
            {
                await RefuseAsync(context, HttpStatusCode.BadRequest, "invalid.request_body", "empty");
                return;
            }

            using var body = await JsonDocument.ParseAsync(context.Request.Body);
            var status = await Before(context);
            if (status != HttpStatusCode.OK)
            {
                // As careless services do: the refusal repeats what was sent.
                await RefuseAsync(context, status, "server.error", body.RootElement.GetRawText());
                return;
            }

            if (!context.Response.HasStarted)
            {
                await IssueAsync(context, body.RootElement);
            }
        }
        catch (OperationCanceledException)
        {
            // The caller went away.
        }
        finally
        {
            lock (gate)
            {
                inFlight--;
            }
        }
    }

    private Task IssueAsync(HttpContext context, JsonElement body)
    {
        string next;
        lock (gate)
        {
            if (body.TryGetProperty("refreshToken", out var sent) && !live.Remove(sent.GetString()!))
            {
                Reused.Enqueue(sent.GetString()!);
                return RefuseAsync(context, HttpStatusCode.Unauthorized, "refreshToken.not_valid", body.GetRawText());
            }

            next = $"planted-secret-refresh-{++issued}";
            live.Add(next);
        }

        return context.Response.WriteAsJsonAsync(new { accessToken = next.Replace("refresh", "access", StringComparison.Ordinal), refreshToken = next });
    }

    private static Task RefuseAsync(HttpContext context, HttpStatusCode status, string code, string message)
    {
        context.Response.StatusCode = (int)status;
        return context.Response.WriteAsJsonAsync(new { code, message });
    }
}
