namespace TokenRefresh.Tests.Simulation;

/// <summary>A kind of thing that goes wrong.</summary>
internal enum Fault
{
    Weather,
    Crash,
    Pause,
    LostDatabase,
    Failover,
    ReadOnlyDatabase,
    CutOff,
    MovedClock,
    LostMail,
}
