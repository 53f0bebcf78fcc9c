using Hangfire;
using Hangfire.PostgreSql;
using Hangfire.PostgreSql.Factories;
using Hangfire.Server;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Alerts.Delivery;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Providers;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Jobs.Alerts;

namespace TokenRefresh.Tests.Server.Hosting;

public sealed class AlertWatchTests(PostgresFixture postgres)
{
    [Fact]
    public async Task With_no_worker_and_no_scheduler_alive_the_watch_itself_tells_and_delivers_and_the_sign_of_life_stops()
    {
        await using var hook = new HookStub();
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"], ("TokenRefresh:Health:HeartbeatUrl", hook.Address));
        var (watch, storage) = await WatchAsync(world);

        await LooksAsync(world, watch, 4);
        world.Smtp.Subjects.ShouldHaveSingleItem().ShouldStartWith("STALLED: ");
        hook.Paths.ShouldAllBe(path => path == "POST /hook/fail");
        hook.Taken[^1].Body.ShouldBe("outage: the schedule is stalled, no worker is alive");

        // A worker and a scheduler are back.
        using (var connection = storage.GetConnection())
        {
            connection.AnnounceServer("worker", new ServerContext { Queues = ["tokens"], WorkerCount = 5 });
        }

        await world.Tokens.Node.GetRequiredService<Heartbeats>().BeatAsync(Heartbeat.Scheduler, CancellationToken.None);
        await LooksAsync(world, watch, 1);
        hook.Paths[^1].ShouldBe("GET /hook");
        await world.Tokens.Node.GetRequiredService<Heartbeats>().BeatAsync(Heartbeat.Scheduler, CancellationToken.None);
        await LooksAsync(world, watch, 2);
        world.Smtp.Subjects[^1].ShouldStartWith("RECOVERED");
    }

    [Fact]
    public async Task A_clock_that_is_minutes_ahead_of_the_databases_silences_nothing_and_no_mail_says_so()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        world.Tokens.Clock.SetUtcNow(TimeProvider.System.GetUtcNow() + TimeSpan.FromMinutes(10));
        await world.SucceedAsync("jibit");

        // The months between the two clocks are no outage.
        await world.Tokens.ExecuteAsync("DELETE FROM unavailable_intervals");
        var (watch, storage) = await WatchAsync(world);
        using (var connection = storage.GetConnection())
        {
            connection.AnnounceServer("worker", new ServerContext { Queues = ["tokens"], WorkerCount = 5 });
        }

        await world.Tokens.Node.GetRequiredService<Heartbeats>().BeatAsync(Heartbeat.Scheduler, CancellationToken.None);

        for (var look = 0; look < 6; look++)
        {
            world.Tokens.Clock.Advance(TimeSpan.FromSeconds(30));
            (await watch.LookAsync(CancellationToken.None)).ShouldBeNull();
        }

        world.Smtp.Subjects.ShouldBeEmpty();
        (await world.IncidentsAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_token_that_is_not_well_stops_the_sign_of_life_without_being_named()
    {
        await using var hook = new HookStub();
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"], ("TokenRefresh:Health:HeartbeatUrl", hook.Address));
        var (watch, storage) = await WatchAsync(world);
        using (var connection = storage.GetConnection())
        {
            connection.AnnounceServer("worker", new ServerContext { Queues = ["tokens"], WorkerCount = 5 });
        }

        await world.FailAsync(FailureKind.CredentialRejected, "jibit");
        await world.Tokens.Node.GetRequiredService<Heartbeats>().BeatAsync(Heartbeat.Scheduler, CancellationToken.None);
        await LooksAsync(world, watch, 1);

        hook.Paths.ShouldBe(["POST /hook/fail"]);
        hook.Taken[0].Body.ShouldBe("action_required: a token needs attention");
    }

    [Fact]
    public async Task What_a_look_has_to_tell_is_put_on_the_queue_of_deliveries_at_once()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        var (watch, _) = await WatchAsync(world);
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");

        for (var look = 0; look < 6; look++)
        {
            world.Tokens.Clock.Advance(TimeSpan.FromSeconds(30));
            await watch.LookAsync(CancellationToken.None);
        }

        world.Tokens.Jobs.Created.Select(job => job.Job.Type).ShouldContain(typeof(DeliverNotificationsJob));
    }

    [Fact]
    public async Task A_watcher_that_sends_the_sign_of_life_elsewhere_is_not_followed()
    {
        await using var elsewhere = new HookStub();
        await using var hook = new HookStub { Status = 302, Location = elsewhere.Address };
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"], ("TokenRefresh:Health:HeartbeatUrl", hook.Address));
        var (watch, _) = await WatchAsync(world);

        await LooksAsync(world, watch, 1);

        hook.Paths.ShouldNotBeEmpty();
        elsewhere.Paths.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_database_that_is_away_is_told_past_the_outbox_once_by_each_node_and_its_end_once_by_all()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        var outages = new[] { world.Tokens.Node, world.Tokens.AddNode("node-2") }.Select(node => node.GetRequiredService<DatabaseOutage>()).ToList();

        for (var minute = 0; minute < 6; minute++)
        {
            foreach (var outage in outages)
            {
                await outage.NoteAwayAsync("the database is unreachable", CancellationToken.None);
            }

            world.Tokens.Clock.Advance(TimeSpan.FromMinutes(1));
        }

        world.Smtp.Subjects.ShouldBe(["STALLED: the database is unreachable", "STALLED: the database is unreachable"]);
        foreach (var outage in outages)
        {
            await outage.NoteBackAsync(CancellationToken.None);
        }

        await world.PassAsync(TimeSpan.FromMinutes(1));
        world.Smtp.Subjects.Skip(2).ShouldBe(["RECOVERED after 6 min: the database is unreachable"]);
        (await world.IncidentsAsync()).ShouldHaveSingleItem().IsOpen.ShouldBeFalse();
    }

    [Fact]
    public async Task A_read_only_database_is_told_after_ninety_seconds_though_it_answers_and_is_over_only_once_it_took_a_write()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        var (watch, _) = await WatchAsync(world);
        await ReadOnlyDatabase.BeginAsync(world.Tokens.ConnectionString);

        var words = new List<string?>();
        for (var look = 0; look < 6; look++)
        {
            words.Add(await watch.LookAsync(CancellationToken.None));
            world.Tokens.Clock.Advance(TimeSpan.FromSeconds(30));
        }

        words.Last().ShouldBe("outage: the database is read-only");
        world.Smtp.Subjects.ShouldHaveSingleItem().ShouldStartWith("STALLED: the database is");
        await ReadOnlyDatabase.EndAsync(world.Tokens.ConnectionString);
        await RunningServer.UntilAsync(async () => await watch.LookAsync(CancellationToken.None) != "outage: the database is read-only", "it is over");
        (await world.IncidentsAsync()).ShouldContain(incident => incident.Key == "silence::database" && !incident.IsOpen);
    }

    [Fact]
    public async Task A_restart_of_the_database_is_no_outage()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        var outage = world.Tokens.Node.GetRequiredService<DatabaseOutage>();

        await outage.NoteAwayAsync("the database is unreachable", CancellationToken.None);
        world.Tokens.Clock.Advance(TimeSpan.FromMinutes(1));
        await outage.NoteAwayAsync("the database is unreachable", CancellationToken.None);
        await outage.NoteBackAsync(CancellationToken.None);

        world.Smtp.Mails.ShouldBeEmpty();
        (await world.IncidentsAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task Without_a_mail_server_the_mail_of_an_outage_is_a_file_for_each_recipient()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, ("TokenRefresh:Notifications:Email", "ada@example.org,ida@example.org"));
        var outage = world.Node.GetRequiredService<DatabaseOutage>();
        await outage.NoteAwayAsync("the database is unreachable", CancellationToken.None);
        world.Clock.Advance(TimeSpan.FromMinutes(2));

        await outage.NoteAwayAsync("the database is unreachable", CancellationToken.None);

        await outage.NoteAwayAsync("the database is unreachable", CancellationToken.None);
        Directory.GetFiles(world.Node.GetRequiredService<MailDropFolder>().Path, "*.eml").Length.ShouldBe(2);
        await outage.NoteBackAsync(CancellationToken.None);
        var desk = world.Node.GetRequiredService<IncidentService>();
        var ended = await desk.EndedAsync(5, CancellationToken.None);
        (await desk.NoticesAsync(ended, CancellationToken.None)).GetValueOrDefault(ended.ShouldHaveSingleItem().Id, IncidentNotice.None).NotifiedAt.ShouldBeNull("a file notifies no one");
    }

    private static async Task LooksAsync(AlertWorld world, AlertWatch watch, int looks)
    {
        for (var look = 0; look < looks; look++)
        {
            world.Tokens.Clock.Advance(TimeSpan.FromMinutes(1));
            await world.Tokens.Node.GetRequiredService<HeartbeatPinger>().PingAsync(await watch.LookAsync(CancellationToken.None), CancellationToken.None);
        }
    }

    // The watch of a node, on a real storage of Hangfire's in which nothing runs.
    private static async Task<(AlertWatch Watch, JobStorage Storage)> WatchAsync(AlertWorld world)
    {
        var node = world.Tokens.Node;
        await using (var connection = await node.GetRequiredService<NpgsqlDataSource>().OpenConnectionAsync())
        {
            PostgreSqlObjectsInstaller.Install(connection, HangfireRegistration.Schema);
        }

        var options = new PostgreSqlStorageOptions { SchemaName = HangfireRegistration.Schema, PrepareSchemaIfNecessary = false };
        var storage = new PostgreSqlStorage(new NpgsqlConnectionFactory(world.Tokens.ConnectionString, options), options);
        var servers = new LiveServers(storage, node.GetRequiredService<IOptions<QueueOptions>>(), node.GetRequiredService<DatabaseClock>(), world.Tokens.Clock);
        var pulse = new SystemStatusReader(node.GetRequiredService<Heartbeats>(), servers, node.GetRequiredService<RecurringJobPauses>(), node.GetServices<IDiagnosisSource>(), node.GetRequiredService<IOptions<ScheduleOptions>>(), world.Tokens.Clock);
        return (new AlertWatch(
            node.GetRequiredService<DatabaseProbe>(), pulse, node.GetRequiredService<DiagnosisBuilder>(), node.GetRequiredService<AlertEvaluation>(), node.GetRequiredService<AlertSignal>(), node.GetRequiredService<Outbox>(), new DeliveryQueue(node.GetRequiredService<Outbox>(), world.Tokens.Jobs, storage),
            node.GetRequiredService<DatabaseOutage>(), node.GetRequiredService<HeartbeatPinger>(),
            world.Tokens.Clock, node.GetRequiredService<ILogger<AlertWatch>>()), storage);
    }
}
