using Microsoft.Extensions.DependencyInjection;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Server.Pages;

namespace TokenRefresh.Tests.Server.Access;

/// <summary>A server and the identity provider of its company.</summary>
internal sealed class Company(IdentityProvider provider, RunningServer server) : IAsyncDisposable
{
    public IdentityProvider Provider => provider;

    public RunningServer Server => server;

    /// <summary>Starts both; what is given goes before the provider's own settings.</summary>
    public static async Task<Company> StartAsync(PostgresFixture postgres, params (string Key, string Value)[] settings)
    {
        var provider = await IdentityProvider.StartAsync();
        var server = await RunningServer.StartAsync(postgres, settings: [.. provider.Settings, .. settings]);
        await provider.AllowAsync(server.Http.BaseAddress!);
        return new(provider, server);
    }

    /// <summary>A browser of its own.</summary>
    public CompanyVisitor Visit() => new(server.Http.BaseAddress!);

    /// <summary>The panel of an administrator with a password.</summary>
    public async Task<Panel> AdministerAsync(string name)
    {
        var panel = Panel.At(server);
        await panel.AddAsync(name, Role.Admin);
        await panel.EnterAsync(name);
        return panel;
    }

    /// <summary>Signs a person in, in a browser of its own, and tells where it ends.</summary>
    public async Task<string> SignInAsync(string person)
    {
        using var visitor = Visit();
        using var answer = await visitor.SignInAsync(person);
        return answer.Headers.Location?.ToString() ?? await answer.Content.ReadAsStringAsync();
    }

    public Task<PanelUser?> PersonAsync(string name) => UsersAsync(async users => (await users.ListAsync(CancellationToken.None)).Find(person => person.UserName == name));

    public async Task<T> UsersAsync<T>(Func<PanelUsers, Task<T>> act)
    {
        await using var scope = server.Services.CreateAsyncScope();
        return await act(scope.ServiceProvider.GetRequiredService<PanelUsers>());
    }

    /// <summary>What was written down about a person, the latest first.</summary>
    public async Task<List<AuditEntry>> AuditAsync(string name) =>
        [.. (await server.Services.GetRequiredService<AuditTrail>().RecentAsync(500, null, CancellationToken.None)).Where(entry => entry.Subject == name)];

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        await provider.DisposeAsync();
    }
}

/// <summary>One company for the tests of a class, each of which has people of its own. It is started when the first of them asks.</summary>
public sealed class CompanyServer(PostgresFixture postgres) : IAsyncDisposable
{
    private readonly SemaphoreSlim one = new(1);
    private Company? company;

    internal async Task<Company> OpenAsync()
    {
        await one.WaitAsync();
        try
        {
            return company ??= await Company.StartAsync(postgres);
        }
        finally
        {
            one.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        one.Dispose();
        if (company is not null)
        {
            await company.DisposeAsync();
        }
    }
}
