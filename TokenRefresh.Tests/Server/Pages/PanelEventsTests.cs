using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Pages;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

public sealed class PanelEventsTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_change_on_one_node_is_told_to_a_page_that_is_open_on_another()
    {
        var database = await postgres.CreateMigratedDatabaseAsync();
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer, connectionString: database);
        await using var other = await RunningServer.StartAsync(postgres, database);
        await using var stream = await OpenAsync(panel);

        await other.ExecuteAsync("UPDATE tokens SET consecutive_failures = 1, last_error_code = 'provider_down', last_error = 'HTTP 503' WHERE name = 'jibit'");
        await other.Services.GetRequiredService<TokenRefresh.Jobs.Persistence.ChangeFeed>().AnnounceAsync("jibit", default);

        await stream.UntilAsync("data: changed");
    }

    [Fact]
    public async Task An_incident_that_is_acknowledged_is_told_too()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator);
        await panel.Server.ExecuteAsync(
            """
            INSERT INTO incidents (key, kind, scope, cause, detail, subjects, told_subjects, opened_at, joined_at, flaps, reminders, told_stage, was_mailed)
            VALUES ('failed:jibit:provider_down', 'failed', 'jibit', 'provider_down', 'HTTP 503', ARRAY['jibit'], ARRAY[]::text[], now(), now(), 0, 0, 0, FALSE)
            """);
        await using var stream = await OpenAsync(panel);

        await panel.Server.Services.GetRequiredService<IncidentService>().AcknowledgeAsync(1, "a test", default);

        await stream.UntilAsync("data: changed");
    }

    [Fact]
    public async Task Without_a_sign_in_there_are_no_events()
    {
        await using var panel = await Panel.OpenAsync(postgres);

        using var request = new HttpRequestMessage(HttpMethod.Get, "/access/events") { Headers = { { "Accept", "text/event-stream" } } };
        (await panel.Server.Http.SendAsync(request)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await panel.Server.Http.GetAsync("/access/events")).StatusCode.ShouldBe(HttpStatusCode.Redirect);
    }

    [Fact]
    public async Task A_page_that_is_closed_is_forgotten()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        var events = panel.Server.Services.GetRequiredService<PanelEvents>();
        await using (await OpenAsync(panel))
        {
            events.Count.ShouldBe(1);
        }

        await RunningServer.UntilAsync(() => Task.FromResult(events.Count == 0), "it is forgotten");
    }

    private static async Task<EventStream> OpenAsync(Panel panel)
    {
        var answer = await panel.Http.GetAsync("/access/events", HttpCompletionOption.ResponseHeadersRead);
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        var stream = new EventStream(answer, await answer.Content.ReadAsStreamAsync());
        await stream.UntilAsync(": alive");
        return stream;
    }

    private sealed class EventStream(HttpResponseMessage answer, Stream body) : IAsyncDisposable
    {
        private readonly StreamReader lines = new(body);

        public async Task UntilAsync(string line)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            while (await lines.ReadLineAsync(patience.Token) is { } read)
            {
                if (read == line)
                {
                    return;
                }
            }

            throw new InvalidOperationException($"The stream ended before '{line}'.");
        }

        public ValueTask DisposeAsync()
        {
            lines.Dispose();
            answer.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
