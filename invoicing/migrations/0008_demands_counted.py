from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('invoicing', '0007_accounts_are_closed'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='passwordrequest',
            name='site',
        ),
        migrations.AddField(
            model_name='loginfailure',
            name='kind',
            field=models.CharField(choices=[('login', 'Connexion'), ('new_password', 'Nouveau mot de passe')], default='login', max_length=15, verbose_name='nature'),
        ),
    ]
