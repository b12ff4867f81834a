namespace Harness.Generators.Tests;

public sealed class ProfileTests
{
    [Fact]
    public void every_feature_is_on_in_the_default_profile() =>
        Assert.All(
            Enum.GetValues<Feature>(),
            feature => Assert.True(Profile.Default.Has(feature), $"{feature} is off")
        );

    [Fact]
    public void the_named_profiles_are_those_of_the_contract() =>
        Assert.Equal(["abi", "cleanup", "deep", "default", "fibers", "small"], Profile.Names.Order());

    [Fact]
    public void an_unknown_name_is_refused() => Assert.Throws<ArgumentException>(() => Profile.Named("nosuch"));

    [Fact]
    public void tokens_of_named_profiles_are_their_names() =>
        Assert.All(Profile.Names, name => Assert.Equal(name, Profile.Named(name).ToToken()));

    [Fact]
    public void a_profile_is_read_back_from_its_token()
    {
        foreach (var name in Profile.Names)
        {
            for (ulong seed = 0; seed < 300; seed++)
            {
                var profile = Profile.Named(name).Swarmed(seed).With((Feature)(seed % 90), (int)(seed * 37 % 1000));
                Assert.Equal(profile, Profile.Parse(profile.ToToken()));
            }
        }
    }

    [Fact]
    public void tokens_are_one_shell_safe_word()
    {
        for (ulong seed = 0; seed < 100; seed++)
        {
            Assert.Matches("^[a-z0-9.-]+$", Profile.Swarm(seed).With(Feature.Probe, 7).ToToken());
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("nosuch")]
    [InlineData("default-")]
    [InlineData("default-zxyz")]
    [InlineData("default-z")]
    [InlineData("default-3")]
    [InlineData("default-3.")]
    [InlineData("default-3.-1")]
    [InlineData("default-3.100001")]
    [InlineData("default-999.1")]
    [InlineData("default-zffffffffffffffffffffffffffffffff")]
    public void other_text_is_refused(string token) => Assert.Throws<FormatException>(() => Profile.Parse(token));

    [Fact]
    public void a_swarm_is_a_function_of_its_seed()
    {
        Assert.Equal(Profile.Swarm(42), Profile.Swarm(42));
        Assert.True(Enumerable.Range(0, 50).Select(seed => Profile.Swarm((ulong)seed)).Distinct().Count() > 45);
    }

    [Fact]
    public void a_swarm_switches_off_about_half_of_the_features_and_raises_no_weight()
    {
        for (ulong seed = 0; seed < 200; seed++)
        {
            var swarm = Profile.Swarm(seed);
            var off = Enum.GetValues<Feature>().Count(feature => !swarm.Has(feature));
            Assert.InRange(off, 15, 75);
            Assert.All(Enum.GetValues<Feature>(), feature => Assert.True(swarm[feature] <= Profile.Default[feature]));
        }
    }

    [Fact]
    public void each_feature_is_off_in_some_swarms_but_for_those_always_on()
    {
        var always = new[]
        {
            Feature.PlainFunction,
            Feature.DirectCall,
            Feature.TypeWord,
            Feature.HandleCatchValue,
            Feature.Log,
            Feature.Let,
            Feature.NoRecursion,
        };
        var swarms = Enumerable.Range(0, 200).Select(seed => Profile.Swarm((ulong)seed)).ToList();
        Assert.All(
            Enum.GetValues<Feature>(),
            feature => Assert.Equal(always.Contains(feature), swarms.TrueForAll(swarm => swarm.Has(feature)))
        );
    }
}
